import { apply } from '@holdfast/core/adapter';
import type { QueueChange, QueueEntry, QueueEvent, QueueState } from '@holdfast/core/adapter';
import { sessionOf } from './record.ts';
import type { LogRecord } from './record.ts';

/** The queues of all names of a partition. A name that nobody holds or waits for leaves nothing here. */
export interface PartitionState {
  /** The greatest token given out for any name: where the next queue starts. */
  token: bigint;
  readonly queues: Map<string, QueueState>;
}

/** What one record did to one name. */
export interface Applied {
  readonly name: string;
  readonly change: QueueChange;
  /** The entry that a `leave` took out. */
  readonly left?: QueueEntry;
  /** The one that stood behind it. */
  readonly behind?: QueueEntry;
}

export function emptyPartition(token = 0n): PartitionState {
  return { token, queues: new Map() };
}

/** The whole meaning of a log: pure, so that all who read the same bytes agree. Changes `state` in place. */
export function fold(state: PartitionState, record: LogRecord): Applied[] {
  const at = { time: record.time, wallMicros: BigInt(record.wallMicros) };
  switch (record.type) {
    case 'seal':
      return [];
    case 'dead':
      return bury(state, record.session, at);
    case 'leave':
      return [leave(state, record.name, record.owner, at)];
    case 'renew':
      return [change(state, record.name, { ...at, type: 'renew', owner: record.owner })];
    case 'tick':
      return [change(state, record.name, { ...at, type: 'tick' })];
    case 'request': {
      const { name, owner, mode, permits, ttlMs, client, wait, steal } = record;
      return [change(state, name, { ...at, type: 'request', owner, mode, permits, ttlMs, client, wait, steal })];
    }
  }
}

type At = Pick<QueueEvent, 'time' | 'wallMicros'>;

function bury(state: PartitionState, session: string, at: At): Applied[] {
  const applied: Applied[] = [];
  for (const [name, queue] of [...state.queues]) {
    // From the back: else the holder's going would grant the lock to a waiter of the same dead process.
    const owners = queue.entries.map((entry) => entry.owner).filter((owner) => sessionOf(owner) === session);
    for (const owner of owners.toReversed()) applied.push(leave(state, name, owner, at));
  }
  return applied;
}

function leave(state: PartitionState, name: string, owner: string, at: At): Applied {
  const entries = state.queues.get(name)?.entries ?? [];
  const index = entries.findIndex((entry) => entry.owner === owner);
  const left = entries[index];
  const behind = entries[index + 1];
  const applied = change(state, name, { ...at, type: 'leave', owner });
  if (left === undefined || applied.change.ended.some(({ entry }) => entry === left)) return applied;
  return { ...applied, left, ...(behind === undefined ? {} : { behind }) };
}

function change(state: PartitionState, name: string, event: QueueEvent): Applied {
  const queue = state.queues.get(name) ?? { token: state.token, time: 0, entries: [] };
  const result = apply(queue, event);
  if (queue.token > state.token) state.token = queue.token;
  if (queue.entries.length === 0) state.queues.delete(name);
  else state.queues.set(name, queue);
  return { name, change: result };
}
