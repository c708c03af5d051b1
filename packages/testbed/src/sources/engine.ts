import { request } from 'node:http';
import { homedir } from 'node:os';
import { join } from 'node:path';

const TIMEOUT_MS = 1000;

/** Whether a Docker engine answers where a client would look for it. Quick: at most a second each, all at once. */
export async function engineAnswers(): Promise<boolean> {
  return Promise.any(engines().map(ping)).then(
    () => true,
    () => false,
  );
}

type Engine = { readonly socketPath: string } | { readonly host: string; readonly port: number };

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
function ping(engine: Engine): Promise<void> {
  return new Promise((resolve, reject) => {
    const question = request({ ...engine, path: '/_ping', timeout: TIMEOUT_MS }, (response) => {
      response.resume();
      resolve();
    });
    question.once('timeout', () => question.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)));
    question.once('error', reject);
    question.end();
  });
}
