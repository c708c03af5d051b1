import { monotonicMs, nextExpiry } from '@holdfast/core/adapter';
import type { QueueState } from '@holdfast/core/adapter';

/** A record tells that the broker's clock showed `broker` (ms) no later than at `receivedAt` ({@link monotonicMs}). */
export interface Sighting {
  readonly broker: number;
  readonly receivedAt: number;
}

/** Append times are whole ms, and timers fire up to one early. */
const ROUNDING_MS = 2;
/** The first in line tells the log that a holder's time is up; each one behind it leaves it this much longer to do so, in ms. */
const STAGGER_MS = 150;
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * Keeps the time of holders for the requests of this process that wait: once it must be up, somebody has to say so, because a log
 * has no time between its records. Too late is possible, too early is not harmful: the append time of what is said decides.
 */
export class Lookout {
  readonly #onExpiry: (name: string) => void;
  readonly #timers = new Map<string, NodeJS.Timeout>();

  constructor(onExpiry: (name: string) => void) {
    this.#onExpiry = onExpiry;
  }

  /** The queue of `name` has changed. `isOwn`: whether an owner's request is of this process. */
  update(name: string, queue: QueueState | undefined, isOwn: (owner: string) => boolean, seen: Sighting): void {
    clearTimeout(this.#timers.get(name));
    this.#timers.delete(name);
    if (queue === undefined) return;
    const waiting = queue.entries.filter(({ token }) => token === undefined);
    const place = waiting.findIndex(({ owner }) => isOwn(owner));
    const expiry = nextExpiry(queue);
    if (place < 0 || expiry === Infinity) return;
    const due = seen.receivedAt + (expiry - seen.broker) + ROUNDING_MS + place * STAGGER_MS;
    const timer = setTimeout(
      () => this.#onExpiry(name),
      Math.min(Math.max(Math.ceil(due - monotonicMs()), ROUNDING_MS), LONGEST_TIMER_MS),
    );
    timer.unref();
    this.#timers.set(name, timer);
  }

  close(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }
}
