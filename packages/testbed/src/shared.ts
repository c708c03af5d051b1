import { kinds } from './servers/index.ts';
import type { ServerName } from './servers/index.ts';
import { ServerUnavailableError } from './server.ts';
import type { RunningServer, ServerHandle, Source } from './server.ts';
import { forcedSource, startServer } from './start.ts';

/** Set for everything below a test run: the handles of the servers that the run started, as JSON by name. */
const RUN_VARIABLE = 'HOLDFAST_TESTBED';

const started = new Map<ServerName, Promise<ServerHandle>>();

/**
 * A server that others use too: never kill or empty it, and use random names on it. The one that the test run started,
 * else the external one, else one that this process starts for itself and shares from then on.
 */
export function sharedServer(name: ServerName): Promise<ServerHandle> {
  const ofRun = runServers()[name];
  if (ofRun !== undefined) return Promise.resolve(ofRun);
  let server = started.get(name);
  if (server === undefined) {
    server = openServer(name);
    started.set(name, server);
  }
  return server;
}

/** The external server if there is one, else one of one's own, which has a `stop`. `source`: from there and nowhere else. */
export async function openServer(
  name: ServerName,
  source: Source | undefined = forcedSource(),
): Promise<ServerHandle | RunningServer> {
  const external = await externalServer(name, source);
  return external ?? startServer(name, source === 'container' || source === 'native' ? { source } : {});
}

export interface SharedServers extends AsyncDisposable {
  readonly servers: readonly ServerHandle[];
  readonly unavailable: readonly ServerUnavailableError[];
  /** Ends those that this call started. */
  stop(): Promise<void>;
}

/** Starts shared servers in parallel, for this process and all that it starts from now on. */
export async function startShared(names: readonly ServerName[]): Promise<SharedServers> {
  const outcomes = await Promise.allSettled(names.map(sharedServer));
  const servers: ServerHandle[] = [];
  const unavailable: ServerUnavailableError[] = [];
  for (const outcome of outcomes) {
    if (outcome.status === 'fulfilled') servers.push(outcome.value);
    else if (outcome.reason instanceof ServerUnavailableError) unavailable.push(outcome.reason);
    else throw outcome.reason;
  }
  const handles = servers.map(({ name, url, source, version, ca }) => [name, { name, url, source, version, ca }]);
  process.env[RUN_VARIABLE] = JSON.stringify({ ...runServers(), ...Object.fromEntries(handles) });
  const stop = async (): Promise<void> => {
    await Promise.all(servers.filter(isOwn).map((server) => server.stop()));
  };
  return { servers, unavailable, stop, [Symbol.asyncDispose]: stop };
}

function isOwn(server: ServerHandle): server is RunningServer {
  return 'stop' in server;
}

function runServers(): Partial<Record<ServerName, ServerHandle>> {
  return JSON.parse(process.env[RUN_VARIABLE] ?? '{}') as Partial<Record<ServerName, ServerHandle>>;
}

/** A URL that is set must work: to test another server than the one that was named would be a false result. */
async function externalServer(name: ServerName, forced: Source | undefined): Promise<ServerHandle | undefined> {
  const kind = kinds[name];
  if (forced !== undefined && forced !== 'external') return undefined;
  const url = process.env[kind.environmentVariable];
  if (url === undefined || url === '') {
    if (forced === undefined) return undefined;
    throw new ServerUnavailableError(name, [`external: ${kind.environmentVariable} is not set`]);
  }
  try {
    const { version } = await kind.probe(url, undefined);
    return { name, url, source: 'external', version };
  } catch (cause) {
    throw new ServerUnavailableError(name, [`external: no answer at ${kind.environmentVariable}: ${String(cause)}`], {
      cause,
    });
  }
}
