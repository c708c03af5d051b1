import { request } from 'node:http';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Engine } from '../keeper/keeper.ts';

const TIMEOUT_MS = 1000;

/** The first Docker engine that answers where a client would look for one. Quick: a second at most, all at once. */
export async function findEngine(): Promise<Engine | undefined> {
  return Promise.any(engines().map(ping)).catch(() => undefined);
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
function ping(engine: Engine): Promise<Engine> {
  return new Promise((resolve, reject) => {
    const question = request({ ...engine, path: '/_ping', timeout: TIMEOUT_MS }, (response) => {
      response.resume();
      resolve(engine);
    });
    question.once('timeout', () => question.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)));
    question.once('error', reject);
    question.end();
  });
}
