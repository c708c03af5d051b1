import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { memorySpace } from '@holdfast/memory';
import { serverNames, startServer } from '@holdfast/testbed';
import type { RunningServer, ServerName } from '@holdfast/testbed';
import { processHost } from '../crew/process-host.ts';
import { threadHost } from '../crew/thread-host.ts';
import type { ClientHost } from '../crew/client-host.ts';
import type { FailoverCause } from '../nemesis/schedule.ts';
import { MODULE_PREFIX } from '../open-locks.ts';
import { clusterArena, clusterNames } from './clusters.ts';
import { sentinelArena, sentinelArenas } from './sentinel.ts';
import { FakeClock } from './fake-clock.ts';
import type { Members } from './members.ts';
import { flushing, SlowDisk } from './slow-disk.ts';

/** The backend under torture, and what can be done to it. */
export interface Arena extends AsyncDisposable {
  readonly url: string;
  /** Product and version, for the report. */
  readonly version: string;
  readonly host: ClientHost;
  /** Absent where there is none, or where it is not ours to kill. */
  readonly server?: RunningServer;
  /** Of a cluster; instead of `server`. */
  readonly members?: Members;
  /** Of a cluster whose leader can be made to go, and that then has another. */
  readonly failovers?: Failovers;
  /** What it granted a failover may forget: it replicates asynchronously. */
  readonly forgets?: boolean;
  /** The wall clock of `server`, where it can be stepped. */
  readonly serverClock?: ServerClock;
  /** The disk that `server` flushes to, where it does and where that can be made slow. */
  readonly disk?: SlowDisk;
  /** Whether proxies can stand between it and the clients. */
  readonly network: boolean;
}

export interface Failovers {
  /** Resolves when another member leads. */
  begin(how: FailoverCause): Promise<void>;
  /** Resolves when the next one may begin. */
  end(): Promise<void>;
}

export interface ServerClock {
  /** What the backend promises holds for steps of up to so much, in ms. */
  readonly mostMs: number;
  step(ms: number): Promise<void>;
}

/**
 * `memory`, `file`, a server of the testbed's, a cluster of three, the URL of a backend that somebody else runs, or `module:` and the URL of a
 * module that makes locks for the threads of a process. Files of the run's own go to `directory`.
 */
export function openArena(backend: string, directory: string): Promise<Arena> {
  if (backend === 'memory') return Promise.resolve(memoryArena());
  if (backend === 'file') return fileArena();
  if ((serverNames as readonly string[]).includes(backend)) return serverArena(backend as ServerName, directory);
  if (clusterNames.includes(backend)) return clusterArena(backend);
  const replicas = sentinelArenas[backend];
  if (replicas !== undefined) return sentinelArena(backend, replicas);
  if (backend.startsWith(MODULE_PREFIX)) return Promise.resolve(moduleArena(backend));
  if (/^[a-z+]+:/.test(backend)) return Promise.resolve(foreignArena(backend));
  const known = ['memory', 'file', ...serverNames, ...clusterNames, ...Object.keys(sentinelArenas)].join(', ');
  throw new Error(`Expected a backend out of ${known}, or a URL; got ${backend}`);
}

let spaces = 0;

function memoryArena(): Arena {
  spaces += 1;
  const name = `torture${spaces}`;
  memorySpace({ name });
  return {
    url: `memory:${name}?shared=true`,
    version: `memory, between threads`,
    host: threadHost,
    network: false,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

function moduleArena(url: string): Arena {
  return {
    url,
    version: 'a module, between threads',
    host: threadHost,
    network: false,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

async function fileArena(): Promise<Arena> {
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-torture-'));
  return {
    url: pathToFileURL(directory).href,
    version: 'file',
    host: processHost,
    network: false,
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  };
}

/** The largest step, in ms, of the servers that libfaketime can be put under: see decision 055. */
const STEPPED: Readonly<Partial<Record<ServerName, number>>> = {
  mysql: 3_600_000,
  rabbitmq: 3_600_000,
  zookeeper: 3_600_000,
};

async function serverArena(name: ServerName, directory: string): Promise<Arena> {
  const mostMs = STEPPED[name];
  const clock = mostMs === undefined ? undefined : FakeClock.find(directory);
  await mkdir(directory, { recursive: true });
  await clock?.step(SERVER, 0);
  const server = await startServer(name, {
    args: flushing[name] ?? [],
    ...(clock === undefined ? {} : { source: 'native', environment: clock.environment(SERVER) }),
  });
  const disk =
    flushing[name] !== undefined && server.source === 'native' ? await SlowDisk.find(() => server.pid) : undefined;
  return {
    url: server.url,
    version: `${name} ${server.version} (${server.source})`,
    host: processHost,
    server,
    ...(clock === undefined || mostMs === undefined
      ? {}
      : { serverClock: { mostMs, step: (ms) => clock.step(SERVER, ms) } }),
    ...(disk === undefined ? {} : { disk }),
    network: true,
    async [Symbol.asyncDispose]() {
      await disk?.end();
      await server.stop();
    },
  };
}

const SERVER = 'server';

function foreignArena(url: string): Arena {
  return {
    url,
    version: `a server that was there (${new URL(url).protocol.slice(0, -1)})`,
    host: processHost,
    network: true,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
