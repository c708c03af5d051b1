/** The transactions. Each is one round trip, and may be sent twice. */
import { thieves, under } from './keys.ts';
import type { Entry } from './queue.ts';
import type { Condition, Operation, RangeOptions, Txn } from './txn.ts';

/** A session as a transaction sees it. */
export interface SessionKey {
  /** Of its lease. */
  readonly id: string;
  readonly key: string;
  /** Whether its key is known to have been written; the first request does it. */
  readonly isKnown: boolean;
}

export interface Entering {
  readonly key: string;
  readonly queue: string;
  readonly value: Buffer;
  /** Further conditions, and what else is to be done with it. */
  readonly compare: readonly Condition[];
  readonly success: readonly Operation[];
  /** `false`: only do the rest. */
  readonly enters: boolean;
  /** Whether only the one ahead matters, so that not all the queue has to be read. */
  readonly exclusive: boolean;
}

/**
 * Enters the queue and reads it.
 *
 * A request that was given up may still lie in the buffers of a frozen server, and would enter long after we removed its key.
 * So whoever removes a key that was sent in doubt leaves a mark (see {@link remove}), with which it can't enter any more.
 */
export function enter(session: SessionKey, { key, queue, value, compare, success, enters, exclusive }: Entering): Txn {
  const put: Operation = { request_put: { key: Buffer.from(key), value, lease: session.id } };
  return {
    compare: [absent(key), absent(goneKey(session, key)), ...compare],
    success: [
      ...(session.isKnown ? [] : [mark(session.key, session)]),
      ...success,
      ...(enters ? [put] : []),
      enters && exclusive ? readNewest(queue) : readQueue(queue),
    ],
    // If an earlier attempt entered, others may have come since.
    failure: [readQueue(queue)],
  };
}

/**
 * The grant of a waiter: writes its key, whose new revision is the token, if it is still in the queue. Else reads the queue.
 *
 * An exclusive request can tell in one go whether anybody is ahead. But the server looks at all the queue for that, so it is not asked
 * for when it is known: `isFirst`, but for a thief. Others must have read the queue before.
 */
export function claim(own: Entry, value: Buffer, isFirst: boolean): Txn {
  const { queue, mode, created } = own;
  const key = Buffer.from(own.key);
  const ahead = isFirst ? [] : [noneBefore(queue, created)];
  return {
    compare: [same(own), ...(mode === 'exclusive' ? [...ahead, none(thieves(queue))] : [])],
    success: [{ request_put: { key, value, ignore_lease: true } }],
    failure: [readQueue(queue)],
  };
}

/** Tells the one ahead who comes next, if both are in the queue and `own` does not hold yet. */
export function follow(ahead: Entry, own: Entry, pointer: { readonly key: string; readonly value: Buffer }): Txn {
  const { key, value } = pointer;
  return {
    compare: [same(ahead), unchanged(own.key, own.modified)],
    // It goes with the one ahead.
    success: [{ request_put: { key: Buffer.from(key), value, lease: ahead.lease } }],
  };
}

export interface HandOver {
  readonly key: string;
  readonly created: bigint;
  readonly queue: string;
  /** Where the next one was told. */
  readonly pointer: string;
  readonly next: { readonly key: string; readonly created: bigint };
  /** Of the next one, from now on. */
  readonly value: Buffer;
}

/** The release of an exclusive lock that grants it to the next one: the new revision of its key is the token. */
export function handOver({ key, created, queue, pointer, next, value }: HandOver): Txn {
  return {
    compare: [same({ key, created }), same(next), none(thieves(queue))],
    success: [
      { request_delete_range: { key: Buffer.from(key) } },
      { request_delete_range: { key: Buffer.from(pointer) } },
      { request_put: { key: Buffer.from(next.key), value, ignore_lease: true } },
    ],
  };
}

export interface Removal {
  readonly key: string;
  /** Its place in the queue, once known. */
  readonly created: bigint | undefined;
  /** Whether a request to enter may still be on its way. */
  readonly doubtful: boolean;
  /** What else there is of it. */
  readonly pointer?: string | undefined;
}

export function remove({ key, created, doubtful, pointer }: Removal, session: SessionKey): Txn {
  const gone: Operation[] = doubtful ? [mark(goneKey(session, key), session)] : [];
  if (pointer !== undefined) gone.push({ request_delete_range: { key: Buffer.from(pointer) } });
  return {
    compare: created === undefined ? [] : [same({ key, created })],
    success: [{ request_delete_range: { key: Buffer.from(key) } }, ...gone],
    failure: gone,
  };
}

/** It goes with the session: without its lease nothing can enter either. */
function goneKey(session: SessionKey, key: string): string {
  return `${session.key}/gone/${key.slice(key.lastIndexOf('/') + 1)}`;
}

function mark(key: string, { id }: SessionKey): Operation {
  return { request_put: { key: Buffer.from(key), value: Buffer.alloc(0), lease: id } };
}

export function list(queue: string): RangeOptions {
  return { ...under(queue), keys_only: true };
}

/** A request that just entered, the one ahead, and one more: the one ahead of it if the other has stolen the lock. */
function readNewest(queue: string): Operation {
  return { request_range: { ...list(queue), limit: 3, sort_order: 'Descend', sort_target: 'Create' } };
}

function readQueue(queue: string): Operation {
  return { request_range: list(queue) };
}

export function absent(key: string): Condition {
  return { key: Buffer.from(key), target: 'Create', result: 'Equal', create_revision: '0' };
}

export function same({ key, created }: { readonly key: string; readonly created: bigint }): Condition {
  return { key: Buffer.from(key), target: 'Create', result: 'Equal', create_revision: `${created}` };
}

export function unchanged(key: string, modified: bigint): Condition {
  return { key: Buffer.from(key), target: 'Mod', result: 'Equal', mod_revision: `${modified}` };
}

/** Nothing entered the queue after `revision`; at 0: it is empty. */
export function noneSince(queue: string, revision: bigint): Condition {
  return { ...under(queue), target: 'Create', result: 'Less', create_revision: `${revision + 1n}` };
}

function noneBefore(queue: string, created: bigint): Condition {
  return { ...under(queue), target: 'Create', result: 'Greater', create_revision: `${created - 1n}` };
}

function none(range: { readonly key: Buffer; readonly range_end: Buffer }): Condition {
  return { ...range, target: 'Create', result: 'Equal', create_revision: '0' };
}
