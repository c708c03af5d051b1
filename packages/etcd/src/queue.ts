import { grantedCount } from '@holdfast/core/adapter';
import { parseRequestKey } from './keys.ts';
import type { Identity } from './keys.ts';
import type { KeyValue, RangeAnswer } from './txn.ts';

/** A request as the server has it. */
export interface Entry extends Identity {
  readonly key: string;
  readonly queue: string;
  /** The revision that created it: its place in the queue. */
  readonly created: bigint;
  /** The revision that wrote it last. Once it holds: its fencing token. */
  readonly modified: bigint;
  readonly lease: string;
  readonly value: Buffer;
}

/** The queue of a name at one revision, in the order of grants. */
export interface Snapshot {
  readonly revision: bigint;
  readonly entries: readonly Entry[];
  /** Whether there is no more in it. Else these are the newest keys. */
  readonly isWhole: boolean;
}

export function snapshotOf(response: RangeAnswer, revision: string): Snapshot {
  return {
    revision: BigInt(revision),
    entries: inOrder(response.kvs.map(entryOf).filter((entry) => entry !== undefined)),
    isWhole: response.kvs.length === Number(response.count),
  };
}

/** Who stole the lock stands before those who came earlier; there is at most one such request, because it takes the place of all holders. */
export function inOrder(entries: Entry[]): Entry[] {
  return entries.sort((a, b) => (a.thief === b.thief ? Number(a.created - b.created) : a.thief ? -1 : 1));
}

function entryOf(kv: KeyValue): Entry | undefined {
  const key = kv.key.toString();
  const identity = parseRequestKey(key);
  if (identity === undefined) return undefined;
  const { create_revision: created, mod_revision: modified, lease, value } = kv;
  return { ...identity, key, created: BigInt(created), modified: BigInt(modified), lease, value };
}

export interface Awaited {
  readonly entries: readonly Entry[];
  /** Whether only their end matters, or also that one of them is granted the lock. */
  readonly until: 'gone' | 'changed';
}

/**
 * What the request at `index`, which must wait, has to watch: as little as possible, so that a hand-over wakes the next in line and no herd.
 *
 * - Exclusive: the one directly ahead. The lock is never free before that one is gone.
 * - Shared: the nearest ahead that is not shared. All that wait for the same one will hold at once.
 * - A permit: the first in line watches the holders, of which any may leave; everybody else the one directly ahead, until
 *   that is granted its permit (it writes its key then) or leaves.
 */
export function awaited(entries: readonly Entry[], index: number): Awaited {
  const ahead = entries.slice(0, index);
  const last = ahead.slice(-1);
  switch (entries[index]?.mode) {
    case 'shared':
      return { entries: ahead.filter(({ mode }) => mode !== 'shared').slice(-1), until: 'gone' };
    case 'semaphore': {
      if (index > grantedCount(entries)) return { entries: last, until: 'changed' };
      return { entries: ahead[0]?.mode === 'semaphore' ? ahead : last, until: 'gone' };
    }
    default:
      return { entries: last, until: 'gone' };
  }
}
