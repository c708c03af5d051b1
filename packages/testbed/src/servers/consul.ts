import { images } from '../images.ts';
import type { Place, ServerKind, ServerOptions } from '../server.ts';
import { getJson } from './http.ts';

/** Of the server: sessions may be this short, so that tests need not wait for the ten seconds that it asks for by default. */
const SESSION_TTL_MIN = '500ms';
const NODE = 'testbed';

/** One server. Its `args` are further ones of `consul agent`; the password is the token that may do everything. */
export const consul: ServerKind = {
  name: 'consul',
  environmentVariable: 'HOLDFAST_TEST_CONSUL_URL',
  image: 'consul',
  containerPort: 8500,
  binary: 'consul',
  // Without `env` the image would run it as a user who may not write in our directory.
  containerCommand: ['env', 'consul'],
  aptPackage: '',
  goProgram: {
    name: 'consul',
    module: 'github.com/hashicorp/consul',
    version: images['consul']?.split(':')[1] ?? '',
    exclude: ['github.com/hashicorp/go-msgpack@v1.1.5', 'github.com/hashicorp/go-msgpack@v1.1.6'],
  },

  args(place, options) {
    const { host, port, dir } = place;
    return [
      ...['agent', '-server', '-bootstrap-expect=1', `-node=${NODE}`, `-data-dir=${dir}/data`],
      ...[`-bind=${membersOn(place)}`, `-client=${host}`, '-log-level=warn'],
      ...[options.tls ? '-http-port=-1' : `-http-port=${port}`, `-https-port=${options.tls ? port : -1}`],
      ...['-dns-port=-1', '-grpc-port=-1', '-grpc-tls-port=-1', '-serf-wan-port=-1'],
      ...['-hcl', configuration(place, options)],
      ...(options.args ?? []),
    ];
  },

  url(port, { password, tls }) {
    const token = password === undefined ? '' : `${encodeURIComponent(password)}@`;
    return `${tls ? 'consuls' : 'consul'}://${token}127.0.0.1:${port}?sessionTtlMin=${SESSION_TTL_MIN}`;
  },

  async probe(url, ca) {
    // A session needs a leader, and the node in its catalog.
    const nodes = (await getJson(ask(url, ca, '/v1/catalog/nodes'))) as readonly unknown[];
    if (nodes.length === 0) throw new Error('The cluster has no node yet');
    const { Config: config } = (await getJson(ask(url, ca, '/v1/agent/self'))) as { Config: { Version: string } };
    return { version: config.Version };
  },
};

function configuration({ dir }: Place, { password, tls }: ServerOptions): string {
  const acl = `acl { enabled = true default_policy = "deny" tokens { initial_management = ${JSON.stringify(password)} agent = ${JSON.stringify(password)} } }`;
  const https = `tls { https { cert_file = "${dir}/server.crt" key_file = "${dir}/server.key" } }`;
  return [
    `session_ttl_min = "${SESSION_TTL_MIN}"`,
    'performance { raft_multiplier = 1 } connect { enabled = false } disable_update_check = true',
    ...(password === undefined ? [] : [acl]),
    ...(tls ? [https] : []),
  ].join('\n');
}

/**
 * Where servers would listen for each other, on ports that are the same for all: Linux has a loopback address for each of
 * ours. Elsewhere there can be only one server at a time.
 */
function membersOn({ host, port }: Place): string {
  if (host !== '127.0.0.1' || process.platform !== 'linux') return '127.0.0.1';
  return `127.${port >> 8}.${port & 255}.1`;
}

function ask(url: string, ca: string | undefined, path: string): Parameters<typeof getJson>[0] {
  const [, scheme, token, host] = /^(consuls?):\/\/(?:([^@/?#]*)@)?([^@/?#,]*)/i.exec(url) ?? [];
  const headers = token === undefined ? {} : { 'X-Consul-Token': decodeURIComponent(token) };
  return { url: `http${scheme === 'consuls' ? 's' : ''}://${host}${path}`, ca, headers };
}
