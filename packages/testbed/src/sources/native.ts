import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { selfSigned } from '../certificate.ts';
import { keepDirectory, keepProcess, removeDirectory } from '../keeper/keeper.ts';
import type { KeptProcess } from '../keeper/keeper.ts';
import { onFreePort } from '../port.ts';
import { untilReady } from '../ready.ts';
import type { Identity, RunningServer, ServerKind, ServerOptions } from '../server.ts';
import { findBinary } from './binary.ts';

/** The server's own binary, as a child of the keeper, in a temporary directory. */
export async function startNative(kind: ServerKind, options: ServerOptions): Promise<RunningServer> {
  const binary = await findBinary(kind.binary, kind.aptPackage);
  const certificate = options.tls ? await selfSigned() : undefined;
  const ca = certificate?.cert;
  const dir = await keepDirectory(`holdfast-${kind.name}-`);

  const empty = async (): Promise<void> => {
    for (const entry of await readdir(dir)) await rm(join(dir, entry), { recursive: true });
    if (certificate === undefined) return;
    await writeFile(join(dir, 'server.crt'), certificate.cert);
    await writeFile(join(dir, 'server.key'), certificate.key, { mode: 0o600 });
  };

  const launch = async (port: number): Promise<{ port: number; server: KeptProcess; identity: Identity }> => {
    const server = await keepProcess(binary, kind.args({ host: '127.0.0.1', port, dir }, options), dir);
    try {
      return {
        port,
        server,
        identity: await untilReady(
          () => probeOwn(kind, port, options, ca, server),
          () => ended(server),
        ),
      };
    } catch (error) {
      await server.end('SIGKILL');
      throw error;
    }
  };

  let { port, server, identity } = await empty()
    .then(() => onFreePort(launch))
    .catch(async (error: unknown) => {
      await removeDirectory(dir);
      throw error;
    });
  let stopped: Promise<void> | undefined;

  const running: RunningServer = {
    name: kind.name,
    url: kind.url(port, options),
    source: 'native',
    version: identity.version,
    port,
    get pid() {
      return server.pid;
    },
    ...(ca === undefined ? {} : { ca }),
    kill: (signal = 'SIGKILL') => server.end(signal),
    async restart(how) {
      await server.end('SIGKILL');
      if (how?.empty) await empty();
      ({ server } = await launch(port));
    },
    pause: () => server.signal('SIGSTOP'),
    resume: () => server.signal('SIGCONT'),
    stop: () => (stopped ??= server.end('SIGKILL').then(() => removeDirectory(dir))),
    [Symbol.asyncDispose]: () => running.stop(),
  };
  return running;
}

/** Another server may have taken the port between our choice and our start, and answer in place of ours. */
async function probeOwn(
  kind: ServerKind,
  port: number,
  options: ServerOptions,
  ca: string | undefined,
  server: KeptProcess,
): Promise<Identity> {
  const identity = await kind.probe(kind.url(port, options), ca);
  if (identity.pid !== undefined && identity.pid !== server.pid) {
    throw new Error(`port ${port} is served by process ${identity.pid}, not by ours (${server.pid})`);
  }
  return identity;
}

function ended({ exit }: KeptProcess): Error | undefined {
  if (exit === undefined) return undefined;
  return new Error(`it ended with ${exit.signal ?? `status ${exit.code}`}: ${exit.output.trim()}`);
}
