import { createHash } from 'node:crypto';
import { monotonicMs } from '@holdfast/core/adapter';
import type { Options } from 'amqplib';
import type { Lane } from './lane.ts';
import { seedToken } from './token.ts';

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
    // New, or nobody's. That others may see the same and seed it, too, does no harm: tokens are more or less high, and only one reads them.
    if (messageCount === 0 && consumerCount === 0) lane.publish(queue, seedToken());
    if (this.#declaredAt.size >= MOST_KNOWN) this.#declaredAt.clear();
    this.#declaredAt.set(queue, monotonicMs());
  }

  /** It is gone, or seems to be without a message. */
  doubt(queue: string): void {
    this.#declaredAt.delete(queue);
  }
}
