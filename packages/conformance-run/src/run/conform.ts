import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { CaseResult, ConformanceCase } from '@holdfast/core/conformance';
import {
  openServer,
  ServerUnavailableError,
  startRedisCluster,
  startRedisSentinel,
  startServer,
} from '@holdfast/testbed';
import type { RunningServer, ServerHandle, ServerName, Source } from '@holdfast/testbed';
import type { Backend, Whereabouts } from '../backends.ts';
import type { SubjectSpec } from '../suite/protocol.ts';
import { runSuite } from './suite-process.ts';
import type { ServerFacts, Trial } from './trial.ts';

export interface Watcher {
  starting(backend: string): void;
  started(backend: string, server: ServerFacts, ms: number): void;
  result(backend: string, result: CaseResult): void;
  ended(trial: Trial): void;
}

export interface ConformOptions {
  readonly via: Source | undefined;
  readonly cases: readonly ConformanceCase[];
  readonly watcher: Watcher;
  readonly signal: AbortSignal;
}

/** Starts what the backend needs, runs the suite against it, and ends what it started. */
export async function conform({ name, at }: Backend, { via, cases, watcher, signal }: ConformOptions): Promise<Trial> {
  const startedAt = performance.now();
  const wallMs = (): number => performance.now() - startedAt;
  if (signal.aborted) return { backend: name, outcome: { status: 'interrupted', results: [] }, wallMs: 0 };
  watcher.starting(name);
  try {
    await using place = await open(at, via);
    watcher.started(name, place.server, wallMs());
    const task = { subject: place.spec, cases: cases.map(({ id }) => id) };
    const outcome = await runSuite(task, (result) => watcher.result(name, result), signal);
    return { backend: name, server: place.server, outcome, wallMs: wallMs() };
  } catch (error) {
    if (!(error instanceof ServerUnavailableError)) throw error;
    return { backend: name, outcome: { status: 'not-started', reason: error.message }, wallMs: wallMs() };
  }
}

/** In ms: no master dies here, and a busy machine must not be taken for a dead one. */
const DOWN_AFTER_MS = 30_000;

interface Place extends AsyncDisposable {
  readonly spec: SubjectSpec;
  readonly server: ServerFacts;
}

const embedded: ServerFacts = { version: `Node.js ${process.versions.node}`, source: 'embedded' };

async function open(at: Whereabouts, via: Source | undefined): Promise<Place> {
  switch (at.kind) {
    case 'memory':
    case 'module':
      return { spec: at, server: embedded, [Symbol.asyncDispose]: () => Promise.resolve() };
    case 'file': {
      const directory = await mkdtemp(join(tmpdir(), 'holdfast-conformance-'));
      return {
        spec: { kind: 'url', url: pathToFileURL(directory).href },
        server: embedded,
        [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
      };
    }
    case 'redis-sentinel': {
      if (via === 'external')
        throw new ServerUnavailableError(at.kind, ['external: only one of its own is looked into']);
      const set = await startRedisSentinel({
        downAfterMs: DOWN_AFTER_MS,
        ...(via === undefined ? {} : { source: via }),
      });
      const [master] = set.members;
      if (master === undefined) throw new Error('There is no master');
      const { hostname: host, port } = new URL(master.url);
      return {
        spec: { kind: 'mapped', url: withQuery(set.url, at.query), server: { host, port: Number(port) } },
        server: factsOf(master),
        [Symbol.asyncDispose]: () => set[Symbol.asyncDispose](),
      };
    }
    case 'cluster': {
      if (via === 'external') throw new ServerUnavailableError(at.cluster, ['external: no cluster is']);
      const cluster = await startRedisCluster(via === undefined ? {} : { source: via });
      return {
        spec: { kind: 'url', url: cluster.url },
        server: factsOf(cluster.members[0]),
        [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose](),
      };
    }
    case 'server': {
      const server = await openServer(at.server, via);
      return {
        spec: { kind: 'url', url: withQuery(server.url, at.query) },
        server: factsOf(server),
        [Symbol.asyncDispose]: () => stop([server]),
      };
    }
    case 'quorum': {
      const outcomes = await Promise.allSettled(Array.from({ length: at.size }, () => openOwn(at.server, via)));
      const servers = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
      const failed = outcomes.find((outcome) => outcome.status === 'rejected');
      const [first] = servers;
      if (failed !== undefined || first === undefined) {
        await stop(servers);
        throw failed?.reason;
      }
      return {
        spec: { kind: 'url', url: `quorum:${servers.map(({ url }) => withQuery(url, at.query)).join(',')}` },
        server: factsOf(first),
        [Symbol.asyncDispose]: () => stop(servers),
      };
    }
  }
}

/** One server has one address: an external one can't be several members. */
async function openOwn(name: ServerName, via: Source | undefined): Promise<RunningServer> {
  if (via !== 'external') return await startServer(name, via === undefined ? {} : { source: via });
  throw new ServerUnavailableError(name, ['external: a quorum needs several servers of its own']);
}

function factsOf({ version, source, image, standIn }: ServerHandle): ServerFacts {
  return {
    ...{ version, source },
    ...(image === undefined ? {} : { image }),
    ...(standIn === undefined ? {} : { standIn }),
  };
}

async function stop(servers: readonly (ServerHandle | RunningServer)[]): Promise<void> {
  await Promise.all(servers.map(async (server) => ('stop' in server ? await server.stop() : undefined)));
}

function withQuery(url: string, query: string | undefined): string {
  if (query === undefined) return url;
  return `${url}${url.includes('?') ? '&' : '?'}${query}`;
}
