import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { selfSigned } from '../certificate.ts';
import type { Certificate } from '../certificate.ts';
import { keepDirectory, keepProcess, removeDirectory } from '../keeper/keeper.ts';
import type { KeptProcess } from '../keeper/keeper.ts';
import { onFreePort, onPort } from '../port.ts';
import { untilReady } from '../ready.ts';
import type { Identity, RunningServer, ServerKind, ServerOptions } from '../server.ts';
import { findBinary } from './binary.ts';
import { pathTo } from './debian-program.ts';
import { goBuild } from './go-build.ts';
import { fetchJars } from './maven.ts';

const LOOPBACK = '127.0.0.1';

/** What stays the same over the restarts of one server. */
interface Site {
  readonly kind: ServerKind;
  readonly options: ServerOptions;
  /** What comes before the arguments. */
  readonly command: readonly [string, ...string[]];
  readonly dir: string;
  readonly certificate: Certificate | undefined;
}

interface Launched {
  readonly port: number;
  readonly server: KeptProcess;
  readonly identity: Identity;
}

/** The server's own binary, as a child of the keeper, in a temporary directory. */
export async function startNative(kind: ServerKind, options: ServerOptions): Promise<RunningServer> {
  const command = within(options, await commandOf(kind));
  if (kind.mavenProgram !== undefined) await fetchJars(kind.mavenProgram);
  const certificate = options.tls ? await selfSigned() : undefined;
  const dir = await keepDirectory(`holdfast-${kind.name}-`);
  const site: Site = { kind, options, command, dir, certificate };
  try {
    await clear(site);
    return control(site, await onFreePort((port) => launch(site, port)));
  } catch (error) {
    await removeDirectory(dir);
    throw error;
  }
}

async function commandOf(kind: ServerKind): Promise<Site['command']> {
  if (kind.goProgram !== undefined) return [await goBuild(kind.goProgram)];
  if (kind.debianProgram !== undefined) return ['env', `PATH=${await pathTo(kind.debianProgram)}`, kind.binary];
  return [await findBinary(kind.binary, kind.aptPackage, kind.installedFile)];
}

/** The same command on a host of its own, and with an environment of its own. Both become the server: they `exec`. */
function within({ host, environment = {} }: ServerOptions, command: Site['command']): Site['command'] {
  const assignments = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  const there = assignments.length === 0 ? command : (['env', ...assignments, ...command] as const);
  return host === undefined ? there : ['ip', 'netns', 'exec', host.name, ...there];
}

function control(site: Site, { port, server, identity }: Launched): RunningServer {
  const { kind, dir, certificate } = site;
  let stopped: Promise<void> | undefined;
  const running: RunningServer = {
    name: kind.name,
    url: urlOf(site, port),
    source: 'native',
    version: identity.version,
    port,
    get pid() {
      return server.pid;
    },
    ...(certificate === undefined ? {} : { ca: certificate.cert }),
    kill: (signal = 'SIGKILL') => server.end(signal),
    async restart(how) {
      await server.end('SIGKILL');
      if (how?.empty) await clear(site);
      ({ server } = await onPort(port, () => launch(site, port)));
    },
    pause: () => server.signal('SIGSTOP'),
    resume: () => server.signal('SIGCONT'),
    stop: () => (stopped ??= server.end('SIGKILL').then(() => removeDirectory(dir))),
    [Symbol.asyncDispose]: () => running.stop(),
  };
  return running;
}

/** Leaves nothing in the directory but the certificate. */
async function clear({ dir, certificate }: Site): Promise<void> {
  for (const entry of await readdir(dir)) await rm(join(dir, entry), { recursive: true });
  if (certificate === undefined) return;
  await writeFile(join(dir, 'server.crt'), certificate.cert);
  await writeFile(join(dir, 'server.key'), certificate.key, { mode: 0o600 });
}

async function launch(site: Site, port: number): Promise<Launched> {
  const { kind, options, command, dir } = site;
  const [program, ...before] = command;
  const args = kind.args({ host: addressOf(options), port, publishedPort: port, dir }, options);
  const server = await keepProcess(program, [...before, ...args], dir);
  try {
    const identity = await untilReady(
      () => probeOwn(site, port, server),
      () => ended(server),
    );
    return { port, server, identity };
  } catch (error) {
    if (server.exit !== undefined) throw error;
    await server.end('SIGKILL');
    throw silent(error, server);
  }
}

/** Of one that runs and does not answer, too, what it printed tells most. */
function silent(cause: unknown, { exit }: KeptProcess): Error {
  const met = cause instanceof Error ? cause.message : String(cause);
  return new Error([met, exit?.output.trim() ?? ''].filter((part) => part !== '').join(': '), { cause });
}

function addressOf({ host }: ServerOptions): string {
  return host?.address ?? LOOPBACK;
}

function urlOf({ kind, options }: Site, port: number): string {
  return kind.url(port, options).replace(LOOPBACK, addressOf(options));
}

/** Another server may have taken the port between our choice and our start, and answer in place of ours. */
async function probeOwn(site: Site, port: number, server: KeptProcess): Promise<Identity> {
  const identity = await site.kind.probe(urlOf(site, port), site.certificate?.cert);
  if (identity.pid === undefined || identity.pid === server.pid) return identity;
  throw new Error(`port ${port} is served by process ${identity.pid}, not by ours (${server.pid})`);
}

function ended({ exit }: KeptProcess): Error | undefined {
  if (exit === undefined) return undefined;
  return new Error(`it ended with ${exit.signal ?? `status ${exit.code}`}: ${exit.output.trim()}`);
}
