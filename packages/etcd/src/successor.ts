import type { ClientInfo } from '@holdfast/core/adapter';
import { parseRequestKey } from './keys.ts';
import type { Entry } from './queue.ts';

/**
 * Who waits directly behind a request. Told to the session of that request, which hands the lock over at its release, in the same transaction:
 * the next one then holds as soon as it hears of it, without a question of its own (the queue lock of Mellor-Crummey and Scott, 1991).
 *
 * Only from an exclusive request to an exclusive one, neither of them a thief. Then it is right: nobody was ahead of a holder, nobody can have come
 * between the two, and that there is no thief, and both are still there, is a condition of the transaction. Where it fails, or the
 * news came too late, the next one sees the end of the one ahead, and asks.
 */
export interface Successor {
  readonly key: string;
  readonly created: bigint;
  readonly client: ClientInfo;
}

export function canFollow(own: Entry, ahead: Entry): boolean {
  return [own, ahead].every(({ mode, thief }) => mode === 'exclusive' && !thief) && ahead.lease !== '0';
}

/** Whether a holder with this key may hand its lock over. */
export function canHandOver(key: string): boolean {
  const identity = parseRequestKey(key);
  return identity?.mode === 'exclusive' && !identity.thief;
}

export function encodeSuccessor(ahead: Entry, { key, created, client }: Successor): Buffer {
  return Buffer.from(JSON.stringify({ of: ahead.key, key, created: `${created}`, client }));
}

export function decodeSuccessor(value: Buffer): Successor & { readonly of: string } {
  const { created, ...rest } = JSON.parse(value.toString()) as {
    of: string;
    key: string;
    created: string;
    client: ClientInfo;
  };
  return { ...rest, created: BigInt(created) };
}
