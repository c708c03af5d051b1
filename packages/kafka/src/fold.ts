/**
 * A partition as a pure function of its records: who folds the same records has the same queues, holders, tokens and time.
 * The rules of one queue are core's; here is what a log adds: many queues, one clock, and tokens.
 */
import { apply, emptyQueue, find } from '@holdfast/core/adapter';
import type { QueueChange, QueueEntry, QueueEvent, QueueState } from '@holdfast/core/adapter';
import type { LockRecord } from './record.ts';

export interface PartitionState {
  /** The greatest append time so far, in ms: the only clock. A broker's clock that goes back makes it stand still. */
  time: number;
  /** The last token given out in this partition. */
  token: bigint;
  /** As the first record says; records that say otherwise don't count. 0 before it. */
  partitions: number;
  /** Those in use, by name. */
  readonly queues: Map<string, QueueState>;
  /** Name of the queue that an owner is in. */
  readonly names: Map<string, string>;
}

/** What one record did to the queue of one name. */
export interface Change extends QueueChange {
  readonly name: string;
  /** The entry that left by its own `leave`. */
  readonly left: QueueEntry | undefined;
}

/** Up to so many grants of one partition within a ms have tokens of that ms, a number of 20 bits. */
const TOKEN_SHIFT = 20n;

export function emptyPartition(): PartitionState {
  return { time: 0, token: 0n, partitions: 0, queues: new Map(), names: new Map() };
}

/** Changes `state` in place. `appendedAt`: the broker's time, in ms. */
export function fold(state: PartitionState, record: LockRecord, appendedAt: number): Change[] {
  if (appendedAt > state.time) state.time = appendedAt;
  if (state.partitions === 0) state.partitions = record.partitions;
  if (!agrees(state, record)) return [];
  switch (record.type) {
    case 'request':
      return [step(state, record.name, { ...record, type: 'request' })];
    case 'renew':
      return record.owners.flatMap((owner) => ofOwner(state, owner, 'renew'));
    case 'leave':
      return ofOwner(state, record.owner, 'leave');
    case 'tick':
      return record.names.map((name) => step(state, name, { type: 'tick' }));
    case 'checkpoint':
      return [];
  }
}

/** Whoever spreads names over another number of partitions would look for a lock where it is not. */
export function agrees(state: PartitionState, record: LockRecord): boolean {
  return state.partitions === record.partitions;
}

function ofOwner(state: PartitionState, owner: string, type: 'renew' | 'leave'): Change[] {
  const name = state.names.get(owner);
  return name === undefined ? [] : [step(state, name, { type, owner })];
}

type Untimed<E> = E extends unknown ? Omit<E, 'time' | 'wallMicros'> : never;

function step(state: PartitionState, name: string, untimed: Untimed<QueueEvent>): Change {
  const queue = state.queues.get(name) ?? emptyQueue();
  // Core takes the next token or this floor, whichever is greater. Time rather than the offset: offsets begin anew with a topic
  // that was deleted, and go back when replicas lose records; see docs/decisions/045-kafka-a-log-that-everybody-folds.md.
  const atLeast = BigInt(state.time) << TOKEN_SHIFT;
  const wallMicros = state.token + 1n > atLeast ? state.token + 1n : atLeast;
  const event = { ...untimed, time: state.time, wallMicros } as QueueEvent;
  const leaving = event.type === 'leave' ? find(queue, event.owner) : undefined;
  const change = apply(queue, event);
  // First who is gone: an owner may come again by the very record that ends its earlier entry.
  for (const { entry } of change.ended) state.names.delete(entry.owner);
  const entered = event.type === 'request' ? find(queue, event.owner) : undefined;
  if (entered !== undefined) {
    entered.since = state.time;
    state.names.set(entered.owner, name);
  }
  for (const entry of change.granted) {
    entry.since = state.time;
    state.token = entry.token ?? state.token;
  }
  // It may have expired by this very event.
  const left = leaving !== undefined && !change.ended.some(({ entry }) => entry === leaving) ? leaving : undefined;
  if (left !== undefined) state.names.delete(left.owner);
  if (queue.entries.length === 0) state.queues.delete(name);
  else state.queues.set(name, queue);
  return { name, ...change, left };
}
