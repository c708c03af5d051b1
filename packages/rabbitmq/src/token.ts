import { randomUUID } from 'node:crypto';
import type { ConsumeMessage, Options } from 'amqplib';

/** A message of a lock's queue. `seed`: nobody held the lock with this epoch; it only starts the count, or starts it anew. */
export interface Token {
  readonly kind: 'hold' | 'seed';
  readonly epoch: bigint;
  /** Of its two copies alike. */
  readonly id: string;
}

/**
 * The wall clock in µs. Locks count up by one from there, so the clock is ahead of any count for as long as a name is granted less
 * than a million times a second: a queue that was lost or has expired begins above its predecessor.
 */
export function seedToken(): Token {
  return { kind: 'seed', epoch: BigInt(Date.now()) * 1000n, id: randomUUID() };
}

export function contentOf({ epoch }: Token): Buffer {
  return Buffer.from(`${epoch}`);
}

export function propertiesOf({ kind, id }: Token): Options.Publish {
  return { type: kind, messageId: id, persistent: true, contentType: 'text/plain', appId: 'holdfast' };
}

/** What is not ours has epoch 0: it is read and dropped like any token that is out of date. */
export function tokenOf({ content, properties }: ConsumeMessage): Token {
  const text = content.toString('latin1');
  const id = typeof properties.messageId === 'string' ? properties.messageId : '';
  // 18 digits are less than 63 bits, and 30 000 years of µs.
  const isOurs = properties.appId === 'holdfast' && /^\d{1,18}$/.test(text);
  return { kind: properties.type === 'hold' ? 'hold' : 'seed', epoch: isOurs ? BigInt(text) : 0n, id };
}
