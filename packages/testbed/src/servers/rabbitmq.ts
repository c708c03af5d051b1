import { connect } from 'amqplib';
import type { Place, ServerKind, ServerOptions } from '../server.ts';
import type { ErlangNode } from './erlang.ts';

/** In ms, for the connection and its handshake. */
const TIMEOUT_MS = 2000;
const USER = 'guest';
const PASSWORD = 'guest';

/**
 * `$1` is the directory, `$2` the configuration, `$3` the same in Erlang's terms, `$4` to `$6` the node. The shell becomes
 * the Erlang VM: the modes of `rabbitmq-server` other than that for systemd keep a shell between us and the VM. A node that
 * has an address of its own needs no epmd, a daemon that would outlive it; in the environment stands what keeps also those
 * from starting one that the node calls each minute to do so. RabbitMQ 4 calls another one to ask for the members of a cluster:
 * all that it knows is in the environment, too, and as it can't have our port it must not listen.
 */
const START = `
set -eu
umask 077
dir=$1 address=$4 port=$5 cookie=$6
mkdir -p "$dir"
printf '%s\\n' "$2" > "$dir/rabbitmq.conf"
printf '%s\\n' "$3" > "$dir/advanced.config"
echo '[].' > "$dir/plugins"
server=$(dirname "$(command -v erl)")/../tree/usr/lib/rabbitmq/bin/rabbitmq-server
if [ ! -x "$server" ]; then server=/usr/lib/rabbitmq/bin/rabbitmq-server; fi
if [ ! -x "$server" ]; then server=rabbitmq-server; fi
export HOME="$dir" RUNNING_UNDER_SYSTEMD=true
export RABBITMQ_NODENAME="rabbit@$address" RABBITMQ_USE_LONGNAME=true RABBITMQ_CONF_ENV_FILE=/dev/null
export RABBITMQ_MNESIA_BASE="$dir/data" RABBITMQ_LOG_BASE="$dir/log" RABBITMQ_LOGS=-
export RABBITMQ_CONFIG_FILE="$dir/rabbitmq.conf" RABBITMQ_ADVANCED_CONFIG_FILE="$dir/advanced.config"
export RABBITMQ_ENABLED_PLUGINS_FILE="$dir/plugins"
export ERL_AFLAGS="-start_epmd false -erl_epmd_port $port" ERL_ZFLAGS='-dist_listen false' ERL_CRASH_DUMP_BYTES=0
export RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="+S 2:2 -name rabbit@$address -setcookie $cookie \\
  -dist_listen true -kernel inet_dist_use_interface {$(echo "$address" | tr . ,)}"
exec "$server"
`;

/** One node. Its `args` are lines of its configuration, such as `consumer_timeout = 5000`. The user is `guest`. */
export const rabbitmq: ServerKind = rabbitmqNode(({ host, port }) => ({
  address: host === '127.0.0.1' ? ownAddress(port) : '127.0.0.1',
  port: host === '127.0.0.1' ? port : 25672,
  cookie: 'testbed',
}));

export function rabbitmqNode(nodeAt: (place: Place) => ErlangNode): ServerKind {
  return {
    name: 'rabbitmq',
    environmentVariable: 'HOLDFAST_TEST_RABBITMQ_URL',
    image: 'rabbitmq',
    containerPort: 5672,
    binary: 'sh',
    aptPackage: 'rabbitmq-server',
    installedFile: '/usr/lib/rabbitmq/bin/rabbitmq-server',

    args(place, options) {
      const { address, port, cookie } = nodeAt(place);
      const secret = `[{rabbit, [{default_pass, ${binary(options.password ?? PASSWORD)}}]}].`;
      return ['-c', START, 'rabbitmq', place.dir, configuration(place, options), secret, address, `${port}`, cookie];
    },

    url(port, { password = PASSWORD, tls }) {
      return `${tls ? 'amqps' : 'amqp'}://${USER}:${encodeURIComponent(password)}@127.0.0.1:${port}`;
    },

    async probe(url, ca) {
      const connection = await connect(url, { timeout: TIMEOUT_MS, ...(ca === undefined ? {} : { ca: [ca] }) });
      const { version } = connection.connection.serverProperties;
      await connection.close();
      return { version };
    },
  };
}

function configuration({ host, port, dir }: Place, { tls, args = [] }: ServerOptions): string {
  const listen = tls
    ? [
        'listeners.tcp = none',
        `listeners.ssl.default = ${host}:${port}`,
        `ssl_options.certfile = ${dir}/server.crt`,
        `ssl_options.keyfile = ${dir}/server.key`,
        'ssl_options.verify = verify_none',
      ]
    : [`listeners.tcp.default = ${host}:${port}`];
  return [
    ...listen,
    `default_user = ${USER}`,
    'loopback_users = none',
    'log.file = false',
    'log.console = true',
    'log.console.level = warning',
    ...args,
  ].join('\n');
}

/** Linux has a loopback address for each of ours. Elsewhere there can be only one node at a time. */
function ownAddress(port: number): string {
  return process.platform === 'linux' ? `127.${port >> 8}.${port & 255}.1` : '127.0.0.1';
}

/** A string as a term of Erlang. */
function binary(text: string): string {
  return `<<${[...Buffer.from(text)].join(',')}>>`;
}
