import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { sharedServer, startServer } from '@holdfast/testbed';
import type { ServerName } from '@holdfast/testbed';
import type { BackendName } from './backends.ts';
import { consulTelemetry } from './counters/consul.ts';
import { countNothing, postgresStatements } from './counters/postgres.ts';

/** So that they can count what they are asked. */
const serverArgs: Partial<Record<BackendName, readonly string[]>> = {
  consul: ['-hcl', consulTelemetry],
  postgres: postgresStatements,
};

/** Something to lock with, all for this run. */
export interface Place extends AsyncDisposable {
  readonly url: string;
  /** Product and version, for the report. */
  readonly version: string;
}

/** `shared`: on the server of the test run, or that of `HOLDFAST_TEST_<SERVER>_URL`; else on one of its own. */
export async function openPlace(name: BackendName, shared: boolean): Promise<Place> {
  if (name === 'memory')
    return {
      url: 'memory:bench',
      version: `Node.js ${process.version}`,
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  if (name === 'file') {
    const directory = await mkdtemp(join(tmpdir(), 'holdfast-bench-'));
    return {
      url: pathToFileURL(directory).href,
      version: `Node.js ${process.version}`,
      [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
    };
  }
  if (shared) {
    const { url, version, source } = await sharedServer(name satisfies ServerName);
    return { url, version: `${name} ${version} (${source})`, [Symbol.asyncDispose]: () => Promise.resolve() };
  }
  const server = await startServer(name satisfies ServerName, { args: serverArgs[name] ?? [] });
  if (name === 'postgres') await countNothing(server.url);
  return {
    url: server.url,
    version: `${name} ${server.version} (${server.source})`,
    [Symbol.asyncDispose]: () => server.stop(),
  };
}
