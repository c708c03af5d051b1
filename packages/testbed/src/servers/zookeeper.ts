import { connect } from 'node:net';
import type { ServerKind } from '../server.ts';

/** In ms, for the whole answer. */
const TIMEOUT_MS = 1000;
/** Short, so that sessions can be short: the shortest is two ticks. In ms. */
const TICK_MS = 250;

/**
 * `$1` is the directory, `$2` the configuration. The image has `zkServer.sh` on its PATH with the jars beside it; Debian's
 * packages have one jar, whose manifest names the others. No log is forced to the disk: what the kernel has outlives
 * a SIGKILL. Empty containers are removed every second, so that tests meet that, too.
 */
const START = `
set -eu
printf '%s\\n' "$2" > "$1/zoo.cfg"
script=$(command -v zkServer.sh || true)
if [ -n "$script" ]; then classpath="$(dirname "$script")/../lib/*:/conf"; else classpath=/usr/share/java/zookeeper.jar; fi
exec java -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \\
  -Dzookeeper.forceSync=no -Dzookeeper.preAllocSize=1024 -Dznode.container.checkIntervalMs=1000 \\
  -cp "$classpath" org.apache.zookeeper.server.ZooKeeperServerMain "$1/zoo.cfg"
`;

/** A server of its own. Its `args` are lines of its configuration, such as `tickTime=500`. */
export const zookeeper: ServerKind = {
  name: 'zookeeper',
  environmentVariable: 'HOLDFAST_TEST_ZOOKEEPER_URL',
  image: 'zookeeper',
  containerPort: 2181,
  binary: 'sh',
  aptPackage: 'zookeeper',
  installedFile: '/usr/share/java/zookeeper.jar',

  args({ host, port, dir }, { password, tls, args = [] }) {
    if (password !== undefined || tls) throw new Error('The zookeeper of the testbed has neither password nor TLS');
    const lines = [
      `tickTime=${TICK_MS}`,
      // Whatever the tick: core's default ttl is half a minute.
      'maxSessionTimeout=120000',
      `dataDir=${dir}/data`,
      `clientPort=${port}`,
      `clientPortAddress=${host}`,
      'maxClientCnxns=0',
      'admin.enableServer=false',
      '4lw.commands.whitelist=*',
      ...args,
    ];
    return ['-c', START, 'zookeeper', dir, lines.join('\n')];
  },

  url(port, { args = [] }) {
    const tick = args.findLast((line) => line.startsWith('tickTime='))?.slice('tickTime='.length) ?? `${TICK_MS}`;
    return `zookeeper://127.0.0.1:${port}?tickTime=${tick}`;
  },

  async probe(url) {
    const answer = await ask(url, 'srvr');
    const version = /^Zookeeper version: ([\d.]+)/m.exec(answer)?.[1];
    if (version === undefined) throw new Error('The server does not serve yet');
    return { version };
  },
};

/** One of ZooKeeper's four letter words, to the first host of the URL. */
function ask(url: string, word: string): Promise<string> {
  const { hostname: host, port } = new URL(url.replace(/,[^/?#]*/, ''));
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: Number(port) || 2181 });
    let answer = '';
    socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error(`No answer within ${TIMEOUT_MS} ms`)));
    socket.on('connect', () => socket.write(word));
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
    socket.on('error', reject);
    socket.on('close', () => resolve(answer));
  });
}
