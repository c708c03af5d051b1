import { kinds } from './servers/index.ts';
import type { ServerName } from './servers/index.ts';
import { ServerUnavailableError } from './server.ts';
import type { RunningServer, ServerKind, ServerOptions, Source } from './server.ts';
import { startContainer } from './sources/container.ts';
import { findEngine } from './sources/engine.ts';
import { startNative } from './sources/native.ts';

/**
 * Starts a server of one's own, which may be killed, frozen and restarted: in a container when a Docker engine answers,
 * else from its binary. It ends with this process at the latest. Rejects with `ServerUnavailableError`.
 */
export function startServer(name: ServerName, options: ServerOptions = {}): Promise<RunningServer> {
  return startKind(kinds[name], options);
}

/** The same for a kind that is known by no name, because it depends on another server. */
export async function startKind(kind: ServerKind, options: ServerOptions): Promise<RunningServer> {
  const { name } = kind;
  const sources = allowedSources(options);
  if (sources.length === 0) {
    throw new ServerUnavailableError(name, ['a server of its own was asked for, and HOLDFAST_TEST_SOURCE allows none']);
  }
  const reasons: string[] = [];
  for (const source of sources) {
    try {
      return await starters[source](kind, options);
    } catch (error) {
      reasons.push(`${source}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  throw new ServerUnavailableError(name, reasons);
}

/** Where a server of one's own may come from, the best first. */
export function allowedSources({ source, host }: ServerOptions): readonly ('container' | 'native')[] {
  const forced = host === undefined ? (source ?? forcedSource()) : 'native';
  return (['container', 'native'] as const).filter((candidate) => forced === undefined || forced === candidate);
}

const starters: Record<'container' | 'native', (kind: ServerKind, options: ServerOptions) => Promise<RunningServer>> = {
  container: async (kind, options) => startContainer(kind, options, await findEngine()),
  native: startNative,
};

/** `HOLDFAST_TEST_SOURCE`: the one source that may be used. */
export function forcedSource(): Source | undefined {
  const source = process.env['HOLDFAST_TEST_SOURCE'];
  if (source === undefined || source === '') return undefined;
  if (source === 'external' || source === 'container' || source === 'native') return source;
  throw new Error(`Expected HOLDFAST_TEST_SOURCE to be external, container or native, got ${source}`);
}
