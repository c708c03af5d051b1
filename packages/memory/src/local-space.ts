import { monotonicMs, nextExpiry } from '@holdfast/core/adapter';
import type { QueueChange, QueueState } from '@holdfast/core/adapter';
import { at, freshQueue, step } from './space.ts';
import type { Outcome, Space, SpaceEvent, Watcher } from './space.ts';

const MAX_DELAY_MS = 2 ** 31 - 1;

/** The queues of one thread, shared by all backends of the thread that were made with it. */
export class LocalSpace implements Space {
  readonly #queues = new Map<string, QueueState>();
  readonly #watchers = new Map<string, Watcher>();
  /** The greatest token of all queues that were dropped. */
  #floor = 0n;
  #timer: NodeJS.Timeout | undefined;
  #sweepAt = Infinity;

  ownerOf(owner: string): string {
    return owner;
  }

  change(name: string, event: SpaceEvent): Outcome {
    const queue = this.#queues.get(name) ?? this.#create(name);
    const outcome = step(queue, at(monotonicMs(), event));
    if (queue.entries.length === 0) this.#drop(name, queue);
    this.#tell(outcome.change, event.type === 'tick' ? undefined : event.owner);
    // After the watchers: a waiter that was granted the lock has confirmed by now, which moves the expiry.
    this.#sweepNoLaterThan(nextExpiry(queue));
    return outcome;
  }

  watch(_name: string, watcher: Watcher): void {
    this.#watchers.set(watcher.owner, watcher);
  }

  unwatch(_name: string, owner: string): void {
    this.#watchers.delete(owner);
  }

  queues(name?: string): Iterable<readonly [string, QueueState]> {
    this.#sweep();
    if (name === undefined) return this.#queues;
    const queue = this.#queues.get(name);
    return queue === undefined ? [] : [[name, queue]];
  }

  close(): void {
    // Nothing is this backend's own: the space belongs to the thread.
  }

  #create(name: string): QueueState {
    const queue = freshQueue(this.#floor);
    this.#queues.set(name, queue);
    return queue;
  }

  #drop(name: string, queue: QueueState): void {
    this.#queues.delete(name);
    if (queue.token > this.#floor) this.#floor = queue.token;
  }

  #tell(change: QueueChange, self: string | undefined): void {
    for (const entry of change.granted) if (entry.owner !== self) this.#watchers.get(entry.owner)?.changed();
    for (const { entry } of change.ended) if (entry.owner !== self) this.#watchers.get(entry.owner)?.changed();
  }

  /** One timer for all queues. It is rarely set anew: renewals push expiries back, and it finds that out when it fires. */
  #sweepNoLaterThan(time: number): void {
    if (time >= this.#sweepAt) return;
    this.#sweepAt = time;
    clearTimeout(this.#timer);
    const delay = Math.min(Math.max(Math.ceil(time - monotonicMs()), 1), MAX_DELAY_MS);
    this.#timer = setTimeout(() => this.#sweep(), delay);
    this.#timer.unref();
  }

  #sweep(): void {
    this.#sweepAt = Infinity;
    const now = monotonicMs();
    let next = Infinity;
    for (const [name, queue] of this.#queues) {
      if (nextExpiry(queue) <= now) this.change(name, { type: 'tick' });
      next = Math.min(next, nextExpiry(queue));
    }
    this.#sweepNoLaterThan(next);
  }
}
