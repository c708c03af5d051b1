import { randomUUID } from 'node:crypto';
import type { ConsumeMessage, Options } from 'amqplib';

/** A message of a lock's queue. */
export interface Token {
  readonly epoch: bigint;
  readonly id: string;
}

/** Wakes who is active in a queue that has no message; to everybody else it means nothing. */
export function wakeToken(): Token {
  return { epoch: 0n, id: randomUUID() };
}

/**
 * The wall clock in µs. Locks count up by one or two from there, so the clock is ahead of any count for as long as a name is granted less
 * than half a million times a second: a queue that was lost or has expired begins above its predecessor.
 */
export function clockEpoch(): bigint {
  return BigInt(Date.now()) * 1000n;
}

export function contentOf({ epoch }: Token): Buffer {
  return Buffer.from(`${epoch}`);
}

export function propertiesOf({ id }: Token): Options.Publish {
  return { messageId: id, persistent: true, contentType: 'text/plain', appId: 'holdfast' };
}

/** What is not ours has epoch 0: it is read and dropped like any token that is out of date. */
export function tokenOf({ content, properties }: ConsumeMessage): Token {
  const text = content.toString('latin1');
  const id = typeof properties.messageId === 'string' ? properties.messageId : '';
  // 18 digits are less than 63 bits, and 30 000 years of µs.
  const isOurs = properties.appId === 'holdfast' && /^\d{1,18}$/.test(text);
  return { epoch: isOurs ? BigInt(text) : 0n, id };
}
