import { request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { Engine } from './protocol.ts';

const TIMEOUT_MS = 5000;
const PAUSE_MS = 200;

/**
 * Removes a container and its volumes from the engine. It may not exist yet, when our parent died while the engine was
 * creating it: that is why "no such container" is asked again for a while.
 */
export async function removeContainer(engine: Engine, name: string): Promise<void> {
  const deadline = performance.now() + TIMEOUT_MS;
  while (performance.now() < deadline) {
    const status = await remove(engine, name);
    if (status === 204) return;
    await delay(PAUSE_MS);
  }
}

/** The status of the answer; `undefined` when there was none: then nobody is left to tell. */
function remove(engine: Engine, name: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    const path = `/containers/${name}?force=1&v=1`;
    const question = request({ ...engine, method: 'DELETE', path, timeout: TIMEOUT_MS }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    question.once('timeout', () => question.destroy());
    question.once('error', () => resolve(undefined));
    question.end();
  });
}
