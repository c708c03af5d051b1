import { grantedCount } from '@holdfast/core/adapter';
import { GRANTED } from './consul.ts';
import type { KeyValue } from './consul.ts';
import { parseRequestKey } from './keys.ts';
import type { Identity } from './keys.ts';

/** A request as the server has it. */
export interface Entry extends Identity {
  readonly key: string;
  readonly queue: string;
  /** The index that created it: its place in the queue. */
  readonly created: number;
  /** The index that wrote it last. Once it holds: its fencing token. */
  readonly modified: number;
  readonly session: string | undefined;
  readonly value: string | null;
  /** Whether a release has granted it the lock. Once it has, that stays so, but for a request that entered in doubt. */
  readonly granted: boolean;
}

/** In the order of grants. */
export function entriesOf(values: readonly KeyValue[]): Entry[] {
  return inOrder(values.map(entryOf).filter((entry) => entry !== undefined));
}

/** Thieves stand before those who came earlier, also before earlier thieves. */
export function inOrder(entries: Entry[]): Entry[] {
  return entries.sort((a, b) => {
    if (a.thief !== b.thief) return a.thief ? -1 : 1;
    return a.thief ? b.created - a.created : a.created - b.created;
  });
}

function entryOf({
  Key: key,
  Value: value,
  Session: session,
  CreateIndex: created,
  ModifyIndex: modified,
  Flags: flags,
}: KeyValue): Entry | undefined {
  const identity = parseRequestKey(key);
  return identity && { ...identity, key, created, modified, session, value, granted: flags === GRANTED };
}

export function holds(entries: readonly Entry[], own: Entry): boolean {
  return entries.indexOf(own) < grantedCount(entries);
}

/** Whoever may think that it holds, other than `thief`, which is now the first in the queue. */
export function victimsOf(entries: readonly Entry[], thief: Entry): Entry[] {
  const thieves = entries.filter((entry) => entry.thief && entry !== thief);
  const others = entries.filter((entry) => !entry.thief);
  // A theft that is complete has written its key again, in the transaction that removed the holders; nobody was granted the lock since.
  if (thieves.some(({ created, modified }) => modified > created)) return thieves;
  return [...thieves, ...others.slice(0, grantedCount(others))];
}

/**
 * Of those whom a thief has yet to remove, who is still there; and whoever was granted the lock by the release of one of them. Nobody
 * else can have been: a claim sees the thief ahead.
 */
export function victimsLeft(before: readonly Entry[], entries: readonly Entry[]): Entry[] {
  const there = new Set(entries.map(({ key }) => key));
  const left = before.filter(({ key }) => there.has(key));
  const first = entries.find((entry) => !entry.thief);
  const isNew = first?.granted === true && !left.some(({ key }) => key === first.key);
  return isNew ? [...left, first] : left;
}

/** What a request that must wait has to wait for: a change of one key, or of anything in the queue. */
export interface Awaited {
  readonly entry: Entry | 'queue';
  /** Whether only its end matters, or also that it is granted the lock. */
  readonly until: 'gone' | 'changed';
  /** Whether it is then likely to be this request's turn. */
  readonly direct: boolean;
}

/**
 * As little as possible, so that a hand-over wakes the next in line and no herd, and that waiters of one process for one name
 * need one blocking query: who has another of the same process ahead that must go first is told of that by the process itself.
 *
 * - Exclusive: the one directly ahead. The lock is never free before that one is gone.
 * - Shared: the nearest ahead that is not shared. All that wait for the same one will hold at once.
 * - A permit: the first in line watches the queue, of whose holders any may leave; everybody else the one directly ahead,
 *   until that is granted its permit (it writes its key then) or leaves.
 */
export function awaited(
  entries: readonly Entry[],
  own: Entry,
  local: (entry: Entry) => 'waiting' | 'holding' | undefined,
): Awaited {
  const index = entries.indexOf(own);
  const ahead = entries.slice(0, index);
  const last = ahead.at(-1);
  if (last === undefined) throw new Error('The first in the queue waits for nobody');
  const nearest = (test: (entry: Entry) => boolean): Entry | undefined => ahead.findLast(test);
  switch (own.mode) {
    case 'exclusive': {
      const entry = nearest((other) => local(other) !== undefined) ?? last;
      return { entry, until: 'gone', direct: entry === last };
    }
    case 'shared': {
      const blocking = nearest(({ mode }) => mode !== 'shared') ?? last;
      const entry = nearest((other) => other.mode !== 'shared' && local(other) !== undefined) ?? blocking;
      return { entry, until: 'gone', direct: entry === blocking };
    }
    case 'semaphore': {
      const waiting = nearest((other) => local(other) === 'waiting');
      if (waiting !== undefined) return { entry: waiting, until: 'changed', direct: false };
      if (index > grantedCount(entries)) return { entry: last, until: 'changed', direct: false };
      return { entry: 'queue', until: 'changed', direct: false };
    }
  }
}
