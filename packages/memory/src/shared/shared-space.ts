import { BackendUnavailableError, nextExpiry } from '@holdfast/core/adapter';
import type { QueueChange, QueueState } from '@holdfast/core/adapter';
import { at, step } from '../space.ts';
import type { Outcome, Space, SpaceEvent, Watcher } from '../space.ts';
import { join, queuesOf, split } from './bucket.ts';
import { Cells } from './cells.ts';
import { BUCKETS, Layout } from './layout.ts';
import type { MemorySpace } from './layout.ts';
import { Mailbox, post } from './mailbox.ts';
import { freePlacesOfWorkers, leavePlace, takePlace } from './places.ts';

/**
 * A thread with waiters looks at their queues at least this often, in ms. Mail comes sooner, unless the thread that granted
 * them the lock was terminated before it could post; well below the time that a waiter has to confirm.
 */
const LOOK_MS = 500;

/** The queues in a memory that threads share, as one backend of one thread sees them. */
export class SharedSpace implements Space {
  readonly #layout: Layout;
  readonly #place: number;
  readonly #cells: Cells;
  readonly #mailbox: Mailbox;
  /** By bucket, name and owner. */
  readonly #watchers: readonly Map<string, Map<string, Watcher>>[] = Array.from({ length: BUCKETS }, () => new Map());
  #timer: NodeJS.Timeout | undefined;
  #lookAt = Infinity;
  #closed = false;

  constructor(space: MemorySpace) {
    freePlacesOfWorkers(space);
    this.#layout = new Layout(space);
    this.#place = takePlace(this.#layout);
    this.#cells = new Cells(this.#layout, this.#place);
    this.#mailbox = new Mailbox(this.#layout, this.#place, (bucket) => this.#lookBy(this.#look(bucket)));
  }

  /** With the place in front, so that whoever grants knows where to post. */
  ownerOf(owner: string): string {
    return `${this.#place}:${owner}`;
  }

  change(name: string, event: SpaceEvent): Outcome {
    const bucket = bucketOf(name);
    for (;;) {
      const seen = this.#cells.read(bucket);
      const timed = at(sharedMs(), event);
      const parts = split(seen.bytes, name, timed.time);
      const outcome = step(parts.queue, timed);
      const bytes = join(name, parts);
      if (bytes.length > this.#cells.capacity) throw fullError(this.#layout.regionBytes);
      if (!this.#cells.publish(bucket, seen, bytes)) continue;
      this.#tell(bucket, name, outcome.change, event.type === 'tick' ? undefined : event.owner);
      const waits = outcome.entry !== undefined && outcome.entry.token === undefined;
      if (waits) this.#lookBy(Math.min(nextExpiry(parts.queue), timed.time + LOOK_MS));
      return outcome;
    }
  }

  watch(name: string, watcher: Watcher): void {
    const names = this.#watchersOf(bucketOf(name));
    const watchers = names.get(name) ?? new Map<string, Watcher>();
    names.set(name, watchers.set(watcher.owner, watcher));
  }

  unwatch(name: string, owner: string): void {
    const names = this.#watchersOf(bucketOf(name));
    const watchers = names.get(name);
    watchers?.delete(owner);
    if (watchers?.size === 0) names.delete(name);
  }

  *queues(name?: string): Iterable<readonly [string, QueueState]> {
    const buckets = name === undefined ? this.#watchers.keys() : [bucketOf(name)];
    for (const bucket of buckets) {
      for (const [found, queue] of queuesOf(
        this.#cells.read(bucket).bytes,
        (other) => name === undefined || other === name,
      )) {
        // In this copy only; the next event does the same for all.
        step(queue, at(sharedMs(), { type: 'tick' }));
        yield [found, queue];
      }
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const names of this.#watchers) names.clear();
    this.#mailbox.close();
    this.#cells.close();
    leavePlace(this.#layout, this.#place);
  }

  #watchersOf(bucket: number): Map<string, Map<string, Watcher>> {
    return this.#watchers[bucket] as Map<string, Map<string, Watcher>>;
  }

  /** Wakes whom an event granted or ended, and nobody else. */
  #tell(bucket: number, name: string, change: QueueChange, self: string | undefined): void {
    const owners = [...change.granted, ...change.ended.map(({ entry }) => entry)].map((entry) => entry.owner);
    for (const owner of owners) {
      if (owner === self) continue;
      const place = Number.parseInt(owner, 10);
      if (place === this.#place) this.#watchersOf(bucket).get(name)?.get(owner)?.changed();
      else post(this.#layout, place, bucket);
    }
  }

  /** Tells the watchers of a bucket what others changed. Answers when to look again at the latest, by the shared clock. */
  #look(bucket: number): number {
    const names = this.#watchersOf(bucket);
    if (names.size === 0) return Infinity;
    const isWatched = (name: string): boolean => names.has(name);
    for (const [name, queue] of queuesOf(this.#cells.read(bucket).bytes, isWatched)) {
      if (nextExpiry(queue) <= sharedMs()) this.change(name, { type: 'tick' });
    }
    const queues = new Map(queuesOf(this.#cells.read(bucket).bytes, isWatched));
    let next = Infinity;
    for (const [name, watchers] of [...names]) {
      const queue = queues.get(name);
      const entries = new Map(queue?.entries.map((entry) => [entry.owner, entry]));
      for (const watcher of [...watchers.values()]) {
        const entry = entries.get(watcher.owner);
        if (entry === undefined || entry.token !== watcher.token) watcher.changed();
        else if (queue !== undefined && entry.token === undefined)
          next = Math.min(next, nextExpiry(queue), sharedMs() + LOOK_MS);
      }
    }
    return next;
  }

  #lookBy(time: number): void {
    if (time >= this.#lookAt || this.#closed) return;
    this.#lookAt = time;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#lookAll(), Math.max(Math.ceil(time - sharedMs()), 1));
    this.#timer.unref();
  }

  #lookAll(): void {
    this.#lookAt = Infinity;
    for (const bucket of this.#watchers.keys()) this.#lookBy(this.#look(bucket));
  }
}

/** The process's monotonic clock, the same in all threads, in ms. */
function sharedMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** FNV-1a. Names in one bucket only share a word to swap; they stay different locks. */
function bucketOf(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i += 1) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return (hash >>> 16) % BUCKETS;
}

function fullError(regionBytes: number): BackendUnavailableError {
  return new BackendUnavailableError(
    `The memory space is full: the queues of this lock's bucket need more than ${regionBytes} bytes; make it with larger \`bucketBytes\``,
  );
}
