import { request } from 'node:http';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Engine } from '../keeper/keeper.ts';

const TIMEOUT_MS = 1000;
/** For what makes an engine that is there think. */
const INFO_TIMEOUT_MS = 20_000;

/**
 * The first Docker engine that answers where a client would look for one. Quick: a second at most, all at once. Rejects with
 * what to do where none does.
 */
export async function findEngine(): Promise<Engine> {
  const places = engines();
  try {
    return await Promise.any(places.map(ping));
  } catch (error) {
    // One for each place, in their order.
    const { errors } = error as AggregateError;
    throw new Error(whyNone(places, errors as NodeJS.ErrnoException[]), { cause: error });
  }
}

function whyNone(places: readonly Engine[], failures: readonly NodeJS.ErrnoException[]): string {
  const closed = failures.findIndex(({ code }) => code === 'EACCES' || code === 'EPERM');
  const place = places[closed];
  if (place !== undefined) {
    return (
      `this user may not use the Docker engine at ${textOf(place)} (${failures[closed]?.code}): join the group of that socket ` +
      '(sudo usermod -aG docker "$USER", then log in again), or run this as root'
    );
  }
  const named = process.env['DOCKER_HOST'];
  const where = named === undefined || named === '' ? '' : ` at DOCKER_HOST, which is ${places.map(textOf).join()}`;
  return (
    `no Docker engine answers${where}: start one, or name in DOCKER_HOST where it listens, ` +
    'or let HOLDFAST_TEST_SOURCE=native start the servers without one'
  );
}

function textOf(engine: Engine): string {
  return 'socketPath' in engine ? engine.socketPath : `${engine.host}:${engine.port}`;
}

function engines(): Engine[] {
  const host = process.env['DOCKER_HOST'];
  if (host !== undefined && host !== '') {
    const url = new URL(host);
    return [
      url.protocol === 'unix:' ? { socketPath: url.pathname } : { host: url.hostname, port: Number(url.port) || 2375 },
    ];
  }
  const runtime = process.env['XDG_RUNTIME_DIR'];
  const sockets = [
    '/var/run/docker.sock',
    join(homedir(), '.docker/run/docker.sock'),
    join(homedir(), '.docker/desktop/docker.sock'),
  ];
  if (runtime !== undefined) sockets.push(join(runtime, 'docker.sock'), join(runtime, '.docker/run/docker.sock'));
  return sockets.map((socketPath) => ({ socketPath }));
}

/** Any answer will do: an engine behind TLS refuses a plain request, but it is there. */
async function ping(engine: Engine): Promise<Engine> {
  await get(engine, '/_ping', TIMEOUT_MS);
  return engine;
}

/**
 * Rejects unless a container on the host's network is on that of this process: an engine in a virtual machine, or one that
 * is not root's, has another.
 */
export async function assertSharesNetwork(engine: Engine): Promise<void> {
  const about = JSON.parse(await get(engine, '/info', INFO_TIMEOUT_MS)) as EngineInfo;
  const rootless = about.SecurityOptions?.includes('name=rootless') === true;
  if (process.platform === 'linux' && about.OperatingSystem !== 'Docker Desktop' && !rootless) return;
  throw new Error(
    "members of a cluster are containers on the host's own network, which this engine does not share with its containers: " +
      'use an engine that runs on this Linux host as root, or HOLDFAST_TEST_SOURCE=native',
  );
}

interface EngineInfo {
  readonly OperatingSystem?: string;
  readonly SecurityOptions?: readonly string[];
}

function get(engine: Engine, path: string, timeout: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const question = request({ ...engine, path, timeout }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (body += chunk));
      response.once('error', reject);
      response.once('end', () => resolve(body));
    });
    question.once('timeout', () => question.destroy(new Error(`no answer within ${timeout} ms`)));
    question.once('error', reject);
    question.end();
  });
}
