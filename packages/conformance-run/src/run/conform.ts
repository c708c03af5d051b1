import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { CaseResult, ConformanceCase } from '@holdfast/core/conformance';
import { openServer, ServerUnavailableError, startRedisCluster } from '@holdfast/testbed';
import type { ServerHandle, Source } from '@holdfast/testbed';
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
        [Symbol.asyncDispose]: async () => {
          if ('stop' in server) await server.stop();
        },
      };
    }
  }
}

function factsOf({ version, source, image, standIn }: ServerHandle): ServerFacts {
  return {
    ...{ version, source },
    ...(image === undefined ? {} : { image }),
    ...(standIn === undefined ? {} : { standIn }),
  };
}

function withQuery(url: string, query: string | undefined): string {
  if (query === undefined) return url;
  return `${url}${url.includes('?') ? '&' : '?'}${query}`;
}
