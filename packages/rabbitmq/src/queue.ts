import { createHash } from 'node:crypto';
import { monotonicMs } from '@holdfast/core/adapter';
import type { Options } from 'amqplib';
import { NoAnswerError, NotReadyError } from './errors.ts';
import type { Lane } from './lane.ts';
import { wakeToken } from './token.ts';

/**
 * The queue of a name: the prefix, what of the name is harmless (for people), and 128 bits of its SHA-256. Always below the 255 bytes of
 * an AMQP name, and never with the characters that mean something in the broker's files or logs.
 */
export function queueOf(prefix: string, name: string): string {
  const readable = name.replaceAll(/[^\w-]+/g, '_').slice(0, 48);
  return `${prefix}${readable}.${createHash('sha256').update(name).digest('hex').slice(0, 32)}`;
}

/** All clients must declare it alike. The limit: 4.x drops a message after 20 returns, and 3.10 knows no word for "never". */
function queueOptions(expiresMs: number): Options.AssertQueue {
  return {
    durable: true,
    arguments: {
      'x-queue-type': 'quorum',
      'x-single-active-consumer': true,
      'x-expires': Math.floor(expiresMs),
      'x-delivery-limit': 2 ** 31 - 1,
    },
  };
}

/** A server that is up confirms in a hundredth of that, in ms. */
const UP_MS = 500;

/**
 * New, or nobody's, or not up yet: another client may be in the midst of creating it, and a consumer that comes before its server is up
 * makes the broker close the whole connection (541, seen with 3.10), with all the locks on it. A confirm says that it is up (it is refused,
 * or does not come, until then). That others do so, too, does no harm: such a message only wakes who is active, and carries no number.
 */
async function wake(lane: Lane, queue: string): Promise<void> {
  lane.publish(queue, wakeToken());
  try {
    await lane.confirmed(UP_MS);
  } catch (error) {
    // What was sent before it was up is sent again after seconds only: a new channel is faster.
    if (error instanceof NoAnswerError) throw new NotReadyError(`the queue ${queue} is not up`, { cause: error });
    throw error;
  }
}

/** More names than these, and all are declared anew: their record must not grow for ever. */
const MOST_KNOWN = 10_000;

/** The queues that exist, as far as we know. */
export class Queues {
  readonly #expiresMs: number;
  readonly #declaredAt = new Map<string, number>();

  constructor(expiresMs: number) {
    this.#expiresMs = expiresMs;
  }

  /** Declares the queue unless that was done not long ago; a consumer of one that is gone nevertheless is told so (404). */
  async prepare(lane: Lane, queue: string): Promise<void> {
    const since = this.#declaredAt.get(queue);
    if (since !== undefined && monotonicMs() - since < this.#expiresMs / 2) return;
    const { messageCount, consumerCount } = await lane.declare(queue, queueOptions(this.#expiresMs));
    if (messageCount === 0 && consumerCount === 0) await wake(lane, queue);
    if (this.#declaredAt.size >= MOST_KNOWN) this.#declaredAt.clear();
    this.#declaredAt.set(queue, monotonicMs());
  }

  /** It is gone, or seems to be without a message. */
  doubt(queue: string): void {
    this.#declaredAt.delete(queue);
  }
}
