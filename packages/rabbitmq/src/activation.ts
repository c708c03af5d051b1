import type { Consumer } from './consumer.ts';
import type { Lane } from './lane.ts';
import { wakeToken } from './token.ts';

/** After how long a waiter looks whether the queue still has a message, in ms; then after twice that, and so on. */
const FIRST_LOOK_MS = 2000;
const LONGEST_LOOK_MS = 30_000;

/** `true` once the consumer is active, `false` if `signal` aborts before. Rejects when the consumer is over. */
export async function activation(consumer: Consumer, lane: Lane, queue: string, signal: AbortSignal): Promise<boolean> {
  const stopLooking = lookAfter(consumer, lane, queue);
  try {
    return await new Promise<boolean>((resolve, reject) => {
      const onAbort = (): void => resolve(false);
      const settled = (): void => signal.removeEventListener('abort', onAbort);
      consumer.onActive = () => {
        settled();
        resolve(true);
      };
      consumer.onOver = (error) => {
        settled();
        reject(error);
      };
      if (consumer.over !== undefined) consumer.onOver(consumer.over);
      else if (signal.aborted) onAbort();
      else if (consumer.isActive) consumer.onActive();
      else signal.addEventListener('abort', onAbort, { once: true });
    });
  } finally {
    stopLooking();
  }
}

/**
 * Who is active in a queue without a message is never served. There is always one, with the holder if not ready, unless the queue was purged,
 * or deleted and made anew, when nobody held. From here that can't be told from a holder, so a small message goes in: a holder drops it.
 */
function lookAfter(consumer: Consumer, lane: Lane, queue: string): () => void {
  let timer: NodeJS.Timeout;
  let isOver = false;
  const look = async (nextMs: number): Promise<void> => {
    const { messageCount } = await lane.check(queue);
    if (messageCount === 0 && !consumer.isActive && lane.isOpen) lane.publish(queue, wakeToken());
    schedule(nextMs);
  };
  const schedule = (ms: number): void => {
    if (isOver) return;
    timer = setTimeout(() => {
      // What fails here ends the channel, and by that the wait; or the broker was silent, which its heartbeat will tell.
      look(Math.min(2 * ms, LONGEST_LOOK_MS)).then(undefined, () => schedule(ms));
    }, ms).unref();
  };
  schedule(FIRST_LOOK_MS);
  return () => {
    isOver = true;
    clearTimeout(timer);
  };
}
