import { untilReady } from '../ready.ts';
import { ServerUnavailableError } from '../server.ts';
import type { RunningServer, ServerKind, ServerOptions } from '../server.ts';
import { allowedSources, startKind } from '../start.ts';
import type { Cluster, ClusterOptions } from './cluster.ts';
import { redis } from './redis.ts';
import { resp } from './resp.ts';

export interface RedisSentinelOptions extends ClusterOptions, Pick<ServerOptions, 'args' | 'password'> {
  /** How long a server must be silent until a sentinel thinks that it is down, in ms; default 1000. */
  readonly downAfterMs?: number;
  /** More variables for the process of each server, by its number. */
  readonly environment?: (server: number) => Readonly<Record<string, string>>;
}

/** As many sentinels as servers, which watch one master and its replicas. */
export interface RedisSentinel extends Cluster {
  /** The servers; the first one was the master at the start. */
  readonly members: readonly RunningServer[];
  readonly sentinels: readonly RunningServer[];
  /** Which member most sentinels call the master; `undefined` if none of them answers. */
  master(): Promise<RunningServer | undefined>;
  /** `SENTINEL FAILOVER`: resolves when the sentinels have another master. */
  failover(): Promise<void>;
  /** Resolves when all sentinels know of the same master, which answers and has so many replicas in step; default: all. */
  whole(replicas?: number): Promise<void>;
}

/** What the sentinels call the master. */
const NAME = 'mymaster';
/** How long one that was asked for may take, in ms. */
const FAILOVER_MS = 60_000;
/** The sentinels may give one up, when a server is slow: then they are asked again, after this time in ms. */
const ASK_AGAIN_MS = 5000;

/** `$1` is the directory, `$2` the configuration at the first start: a sentinel writes what it knows into it. */
const START = `
set -eu
[ -s "$1/sentinel.conf" ] || printf '%s\\n' "$2" > "$1/sentinel.conf"
exec redis-server "$1/sentinel.conf" --sentinel
`;

/** Its `args` are lines of its configuration. */
const sentinel: ServerKind = {
  ...redis,
  name: 'redis-sentinel',
  environmentVariable: 'HOLDFAST_TEST_REDIS_SENTINEL_URL',
  containerPort: 26379,
  binary: 'sh',
  aptPackage: 'redis-server',
  installedFile: '/usr/bin/redis-server',

  args({ host, port, dir }, { args = [] }) {
    const lines = [`port ${port}`, `bind ${host}`, 'protected-mode no', `dir ${dir}`, ...args];
    return ['-c', START, 'sentinel', dir, lines.join('\n')];
  },
  url: (port) => `redis://127.0.0.1:${port}`,
};

/** A master with replicas (two, by default), and a sentinel beside each server. */
export async function startRedisSentinel(options: RedisSentinelOptions = {}): Promise<RedisSentinel> {
  const failures: ServerUnavailableError[] = [];
  const { source: wanted, hosts } = options;
  const allowed = allowedSources(wanted === undefined ? {} : { source: wanted });
  for (const source of hosts === undefined ? allowed : (['native'] as const)) {
    try {
      return await startFrom(source, options);
    } catch (error) {
      if (!(error instanceof ServerUnavailableError)) throw error;
      failures.push(error);
    }
  }
  throw new ServerUnavailableError(
    sentinel.name,
    failures.flatMap(({ reasons }) => reasons),
  );
}

async function startFrom(source: 'container' | 'native', options: RedisSentinelOptions): Promise<RedisSentinel> {
  const { size = options.hosts?.length ?? 3, hosts, password, args = [], downAfterMs = 1000, environment } = options;
  const running: RunningServer[] = [];
  const stop = async (): Promise<void> => void (await Promise.all(running.map((server) => server.stop())));
  const start = async (kind: ServerKind, i: number, own: ServerOptions): Promise<RunningServer> => {
    const server = await startKind({ ...kind, hostNetwork: true }, { ...own, source, host: hosts?.[i] });
    running.push(server);
    return server;
  };
  const startServer = (i: number, more: readonly string[]): Promise<RunningServer> =>
    start(redis, i, {
      args: [...replication(password), ...more, ...args],
      ...(password === undefined ? {} : { password }),
      ...(environment === undefined ? {} : { environment: environment(i) }),
    });
  const others = Array.from({ length: size - 1 }, (_, i) => i + 1);
  try {
    const master = await startServer(0, []);
    const { hostname, port } = new URL(master.url);
    const replicas = await all(others.map((i) => startServer(i, ['--replicaof', `${hostname} ${port}`])));
    const lines = watching(`${hostname} ${port}`, Math.floor(size / 2) + 1, downAfterMs, password);
    const sentinels = await all([0, ...others].map((i) => start(sentinel, i, { args: lines })));
    const set = new SentinelSet([master, ...replicas], sentinels, password, stop);
    await set.whole();
    return set;
  } catch (error) {
    await stop();
    throw error;
  }
}

/** So that a replica that is back has caught up at once. */
function replication(password: string | undefined): string[] {
  const fast = ['--repl-diskless-sync', 'yes', '--repl-diskless-sync-delay', '0', '--repl-ping-replica-period', '1'];
  return password === undefined ? fast : [...fast, '--masterauth', password];
}

function watching(address: string, quorum: number, downAfterMs: number, password: string | undefined): string[] {
  return [
    `sentinel monitor ${NAME} ${address} ${quorum}`,
    `sentinel down-after-milliseconds ${NAME} ${downAfterMs}`,
    // A failover that found no majority is tried again after twice this.
    `sentinel failover-timeout ${NAME} ${Math.max(2 * downAfterMs, 2000)}`,
    `sentinel parallel-syncs ${NAME} 10`,
    ...(password === undefined ? [] : [`sentinel auth-pass ${NAME} ${JSON.stringify(password)}`]),
  ];
}

/** All, or the first failure once none is under way any more. */
async function all<T>(starts: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(starts);
  return Promise.all(starts);
}

class SentinelSet implements RedisSentinel {
  readonly url: string;
  readonly members: readonly RunningServer[];
  readonly sentinels: readonly RunningServer[];
  readonly #password: string | undefined;
  readonly #stop: () => Promise<void>;

  constructor(
    members: readonly RunningServer[],
    sentinels: readonly RunningServer[],
    password: string | undefined,
    stop: () => Promise<void>,
  ) {
    this.members = members;
    this.sentinels = sentinels;
    this.#password = password;
    this.#stop = stop;
    const secret = password === undefined ? '' : `:${encodeURIComponent(password)}@`;
    this.url = `redis+sentinel://${secret}${sentinels.map(({ url }) => new URL(url).host).join(',')}/${NAME}`;
  }

  async master(): Promise<RunningServer | undefined> {
    const views = await this.#views();
    const named = views.map(({ address = '' }) => address);
    const votes = (address: string): number => named.filter((other) => other === address).length;
    const best = named.toSorted((a, b) => votes(b) - votes(a))[0];
    return this.members.find(({ url }) => new URL(url).host === best);
  }

  async failover(): Promise<void> {
    const before = (await this.master())?.url;
    const end = performance.now() + FAILOVER_MS;
    for (let askedAt = -Infinity; ;) {
      const now = (await this.master())?.url;
      if (now !== undefined && now !== before) return;
      const isDue = performance.now() > askedAt + ASK_AGAIN_MS;
      if (isDue && (await this.#ask('SENTINEL', 'FAILOVER', NAME))) askedAt = performance.now();
      if (performance.now() > end) throw new Error(`No failover within ${FAILOVER_MS} ms`);
      await pause(50);
    }
  }

  async whole(replicas = this.members.length - 1): Promise<void> {
    await untilReady(
      async () => {
        const views = await this.#views();
        const [view] = views;
        const known = views.filter(
          ({ address, status, slaves, sentinels }) =>
            address === view?.address &&
            status === 'ok' &&
            Number(slaves) >= replicas &&
            sentinels === `${this.sentinels.length}`,
        );
        if (known.length < this.sentinels.length) throw new Error('the sentinels do not know all of each other');
        const master = this.members.find(({ url }) => new URL(url).host === view?.address);
        const info = master === undefined ? '' : await this.#replication(master);
        const inStep = info.match(/^slave\d+:.*state=online/gm)?.length ?? 0;
        if (!info.includes('role:master') || inStep < replicas) throw new Error('replicas are not in step');
        return { version: '' };
      },
      () => undefined,
    );
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stop();
  }

  /** One of the sentinels that answer says yes. */
  async #ask(...command: string[]): Promise<boolean> {
    for (const { url } of this.sentinels) {
      const done = await resp(url, undefined, [command]).then(
        () => true,
        () => false,
      );
      if (done) return true;
    }
    return false;
  }

  /** What each sentinel that answers says about the master: `name=…,status=ok,address=…,slaves=2,sentinels=3`. */
  async #views(): Promise<Record<string, string>[]> {
    const answers = await Promise.allSettled(
      this.sentinels.map(({ url }) => resp(url, undefined, [['INFO', 'sentinel']])),
    );
    return answers.flatMap((answer) => {
      const line = answer.status === 'fulfilled' ? /^master0:(.*?)\r?$/m.exec(String(answer.value[0]))?.[1] : undefined;
      if (line === undefined) return [];
      return [Object.fromEntries(line.split(',').map((field) => field.split('=') as [string, string]))];
    });
  }

  async #replication({ url }: RunningServer): Promise<string> {
    const login = this.#password === undefined ? [] : [['AUTH', this.#password]];
    return String((await resp(url, undefined, [...login, ['INFO', 'replication']])).at(-1));
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
