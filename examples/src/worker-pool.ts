/**
 * Workers on any number of machines that share an API with room for a few calls at a time.
 *
 *     node dist/worker-pool.js CALLS
 *
 * Each call takes one permit of a semaphore. A worker that dies gives its permit back after the ttl at the latest.
 */
import { createLocks, LockLostError, UnsupportedError } from '@holdfast/core';
import type { Semaphore } from '@holdfast/core';

const { HOLDFAST_URL = 'file:./locks', API_URL = 'http://localhost:8080', API_PERMITS = '3' } = process.env;

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());

await using locks = await createLocks(HOLDFAST_URL);
const permits = locks.semaphore(`api:${new URL(API_URL).host}`, Number(API_PERMITS));
try {
  const calls = Array.from({ length: Number(process.argv[2] ?? 10) }, () => call(permits));
  console.log(`${(await Promise.all(calls)).length} calls, none refused`);
} catch (error) {
  process.exitCode = 1;
  if (error instanceof UnsupportedError) {
    // MySQL (unless it is given `?mode=lease`) and RabbitMQ can't count: better no work than too much at once.
    console.error(`${locks.backend} has no semaphores; point HOLDFAST_URL at a backend that has (${error.message})`);
  } else if (!stop.signal.aborted) throw error;
}

async function call(api: Semaphore): Promise<string> {
  for (;;) {
    try {
      return await api.request({ signal: stop.signal }, (permit) => get(AbortSignal.any([permit.signal, stop.signal])));
    } catch (error) {
      // The permit is somebody else's by now, and the call was cut short. It only reads: once more, with another permit.
      if (!(error instanceof LockLostError)) throw error;
    }
  }
}

async function get(signal: AbortSignal): Promise<string> {
  const response = await fetch(API_URL, { signal });
  if (!response.ok) throw new Error(`The API answered ${response.status}`);
  return await response.text();
}
