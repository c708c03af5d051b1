import { setTimeout as delay } from 'node:timers/promises';
import type { Identity } from './server.ts';

const PAUSE_MS = 20;
/**
 * A server that was frozen or has a log to read may take its time, and so do three Java VMs that start at once on two cores;
 * one that is broken ends by itself.
 */
const READY_TIMEOUT_MS = 60_000;

/** Asks until the server answers. Rejects with the error of `ended` as soon as it has one. */
export async function untilReady(
  probe: () => Promise<Identity>,
  ended: () => Error | undefined | Promise<Error | undefined>,
): Promise<Identity> {
  const deadline = performance.now() + READY_TIMEOUT_MS;
  for (;;) {
    try {
      return await probe();
    } catch (cause) {
      const failure = await ended();
      if (failure !== undefined) throw failure;
      if (performance.now() > deadline) {
        throw new Error(`no answer within ${READY_TIMEOUT_MS} ms: ${String(cause)}`, { cause });
      }
    }
    await delay(PAUSE_MS);
  }
}
