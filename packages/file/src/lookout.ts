import type { QueueState } from '@holdfast/core/adapter';
import { hostMs } from './clock.ts';
import type { Watcher } from './session/link.ts';
import type { Peers } from './session/peers.ts';
import { vigil } from './vigil.ts';

export interface LookoutOptions {
  /** The own session's id. */
  readonly session: string;
  readonly peers: Peers;
  readonly watcher: Watcher;
  /** The time of a holder of `name` may be up; called at most once per `update`. */
  readonly onExpiry: (name: string) => void;
}

/** The longest delay a timer takes, in ms. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Keeps watch for the requests of this process that wait in a partition: over processes, each once, and over expiries. */
export class Lookout {
  readonly #options: LookoutOptions;
  readonly #timers = new Map<string, NodeJS.Timeout>();
  /** For each name with a waiting request, whom to watch. */
  readonly #wanted = new Map<string, ReadonlySet<string>>();
  readonly #watched = new Map<string, () => void>();

  constructor(options: LookoutOptions) {
    this.#options = options;
  }

  /** The names for which it keeps watch. */
  get names(): Iterable<string> {
    return this.#wanted.keys();
  }

  /** The queue of `name` has changed. To be followed by {@link watch}. */
  update(name: string, queue: QueueState | undefined): void {
    clearTimeout(this.#timers.get(name));
    this.#timers.delete(name);
    this.#wanted.delete(name);
    const wanted = queue === undefined ? undefined : vigil(queue, this.#options.session);
    if (wanted === undefined) return;
    this.#wanted.set(name, wanted.sessions);
    // Rounded up: a timer that fires before its time would find nothing expired, and be set again.
    const delay = Math.min(Math.max(Math.ceil(wanted.at - hostMs()), 1), MAX_TIMER_MS);
    const timer = setTimeout(() => this.#options.onExpiry(name), delay);
    timer.unref();
    this.#timers.set(name, timer);
  }

  /** Watches those processes that some waiting request needs watched, and no others. */
  watch(): void {
    const wanted = new Set([...this.#wanted.values()].flatMap((sessions) => [...sessions]));
    for (const [session, unwatch] of this.#watched) {
      if (wanted.has(session)) continue;
      this.#watched.delete(session);
      unwatch();
    }
    for (const session of wanted) {
      if (this.#watched.has(session)) continue;
      this.#watched.set(session, this.#options.peers.watch(session, this.#options.watcher));
    }
  }

  close(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    for (const unwatch of this.#watched.values()) unwatch();
  }
}
