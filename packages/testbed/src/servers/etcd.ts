import { request as plain } from 'node:http';
import { request as secure } from 'node:https';
import type { ServerKind } from '../server.ts';

const TIMEOUT_MS = 1000;

/** One member. Authentication is switched on through its API, by whoever wants it. */
export const etcd: ServerKind = {
  name: 'etcd',
  environmentVariable: 'HOLDFAST_TEST_ETCD_URL',
  image: 'etcd',
  containerPort: 2379,
  binary: 'etcd',
  aptPackage: 'etcd-server',

  args({ host, port, dir }, { password, tls, args = [] }) {
    if (password !== undefined) throw new Error('etcd takes no password at its start');
    const scheme = tls ? 'https' : 'http';
    // Nobody but the members of a cluster, which give their own addresses, asks a peer: it gets any port.
    const peer = 'http://127.0.0.1:0';
    return [
      ...['--data-dir', `${dir}/data`, '--logger', 'zap', '--log-outputs', 'stderr'],
      ...[
        '--listen-client-urls',
        `${scheme}://${host}:${port}`,
        '--advertise-client-urls',
        `${scheme}://${host}:${port}`,
      ],
      ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer, '--initial-cluster', `default=${peer}`],
      // What the kernel has outlives a SIGKILL without any fsync.
      '--unsafe-no-fsync',
      ...(tls ? ['--cert-file', `${dir}/server.crt`, '--key-file', `${dir}/server.key`] : []),
      ...args,
    ];
  },

  url: (port, { tls }) => `${tls ? 'etcds' : 'etcd'}://127.0.0.1:${port}`,

  async probe(url, ca) {
    const { health } = await get(url, ca, '/health');
    if (health !== 'true') throw new Error('the member is not healthy (yet)');
    const { etcdserver } = await get(url, ca, '/version');
    return { version: etcdserver ?? '' };
  },
};

/** From the first host of the URL. */
function get(url: string, ca: string | undefined, path: string): Promise<Record<string, string>> {
  const { protocol, host } = new URL(url.replace(/,[^/?#]*/, ''));
  const isSecure = protocol === 'etcds:';
  const options = { timeout: TIMEOUT_MS, ...(ca === undefined ? {} : { ca }) };
  return new Promise((resolve, reject) => {
    const question = (isSecure ? secure : plain)(`http${isSecure ? 's' : ''}://${host}${path}`, options, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (body += chunk));
      response.on('error', reject);
      response.on('end', () => {
        if (response.statusCode === 200) resolve(JSON.parse(body) as Record<string, string>);
        else reject(new Error(`${path} answered ${response.statusCode}`));
      });
    });
    question.once('timeout', () => question.destroy(new Error(`No answer within ${TIMEOUT_MS} ms`)));
    question.once('error', reject);
    question.end();
  });
}
