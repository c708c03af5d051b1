import { setTimeout as delay } from 'node:timers/promises';
import { randomInt } from 'node:crypto';

export interface PollOptions {
  /** The wait ends when it aborts; its reason is what `pollUntilGranted` rejects with. */
  readonly signal: AbortSignal;
  /** First upper bound of the pause, in ms; default 10. */
  readonly minDelayMs?: number;
  /** Greatest upper bound of the pause, in ms; default 1000. */
  readonly maxDelayMs?: number;
}

/**
 * For a backend that can only try: calls `attempt` until it answers other than `null`, with exponential backoff and full
 * jitter in between (Brooker, "Exponential Backoff And Jitter", AWS 2015).
 */
export async function pollUntilGranted<T>(attempt: () => Promise<T | null>, options: PollOptions): Promise<T> {
  const max = options.maxDelayMs ?? 1000;
  let bound = options.minDelayMs ?? 10;
  for (;;) {
    options.signal.throwIfAborted();
    const result = await attempt();
    if (result !== null) return result;
    await pause(randomInt(1, Math.max(2, Math.ceil(bound))), options.signal);
    bound = Math.min(bound * 2, max);
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, { signal, ref: false });
  } catch {
    signal.throwIfAborted();
  }
}
