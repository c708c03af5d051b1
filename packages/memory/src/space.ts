import { apply, emptyQueue, find } from '@holdfast/core/adapter';
import type { QueueChange, QueueEntry, QueueEvent, QueueState } from '@holdfast/core/adapter';

/** A queue's event without its time: the space has the clock. */
export type SpaceEvent = QueueEvent extends infer E
  ? E extends QueueEvent
    ? Omit<E, 'time' | 'wallMicros'>
    : never
  : never;

/** Puts the time into `event`, which must be nobody else's: a copy would cost more than all that the queue does with it. */
export function at(time: number, event: SpaceEvent): QueueEvent {
  const timed = event as { -readonly [K in keyof QueueEvent]: QueueEvent[K] };
  timed.time = time;
  timed.wallMicros = wallMicros();
  return timed as QueueEvent;
}

/** What an event did to the owner that it names. */
export interface Outcome {
  /** The owner's place in the queue after the event. */
  readonly entry: QueueEntry | undefined;
  /** The owner held or waited until this event, a `leave`, took it out. */
  readonly left: boolean;
}

/** Hears of what other requests' events did to `owner`: it waited and was granted, or its entry is gone. */
export interface Watcher {
  readonly owner: string;
  /** What the watcher knows of the owner: `undefined` while it waits. */
  readonly token: bigint | undefined;
  changed(): void;
}

/** The queues of all names, as one thread sees them. Every call is atomic and synchronous: nothing ever awaits a lock. */
export interface Space {
  /** Makes an owner of the contract, unique per request, into one that the space can find its watcher by. */
  ownerOf(owner: string): string;
  /** Applies one event, an object of its own, to the queue of `name`. Throws only for a `request` that the space has no room for. */
  change(name: string, event: SpaceEvent): Outcome;
  /** One watcher per owner; a new one replaces the old. */
  watch(name: string, watcher: Watcher): void;
  unwatch(name: string, owner: string): void;
  /** The queues of one name, or of all. */
  queues(name?: string): Iterable<readonly [string, QueueState]>;
  close(): void;
}

/** One queue's step: the event, and what it did to its own owner and to others. */
export function step(state: QueueState, event: QueueEvent): Outcome & { readonly change: QueueChange } {
  const owner = event.type === 'tick' ? undefined : event.owner;
  const before = event.type === 'leave' ? find(state, event.owner) : undefined;
  const change = apply(state, event);
  const expired = before !== undefined && change.ended.some(({ entry }) => entry === before);
  const entry = owner === undefined || event.type === 'leave' ? undefined : find(state, owner);
  return { entry, left: before !== undefined && !expired, change };
}

/**
 * A queue that starts above every token that the space gave out and forgot: a name's queue is dropped as soon as it is
 * empty, and the wall clock, which alone would set the floor again, can step back or be asked twice within a microsecond.
 */
export function freshQueue(floor: bigint): QueueState {
  const queue = emptyQueue();
  queue.token = floor;
  return queue;
}

/** The floor for tokens, and what `query` shows as since. */
export function wallMicros(): bigint {
  return BigInt(Date.now()) * 1000n;
}
