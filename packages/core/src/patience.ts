import { monotonicMs } from './clock.ts';

/** Something that may take so long. */
export interface Pending {
  /** By the monotonic clock. */
  readonly until: number;
  /** It took longer. */
  giveUp(): void;
}

/** A bound on how long anything takes, with one timer for all: what was begun first is due first. It never keeps the process alive. */
export class Patience {
  readonly #ms: number;
  readonly #expired: () => Error;
  readonly #pending = new Set<Pending>();
  #timer: NodeJS.Timeout | undefined;

  /** `expired` makes the error for what takes longer than `ms`. */
  constructor(ms: number, expired: () => Error) {
    this.#ms = ms;
    this.#expired = expired;
  }

  /** How much is under way. */
  get pending(): number {
    return this.#pending.size;
  }

  /** When the patience with what begins now ends, by the monotonic clock. */
  get until(): number {
    return monotonicMs() + this.#ms;
  }

  /** `pending.until` is {@link until}, of just now. */
  begin(pending: Pending): void {
    this.#pending.add(pending);
    // Not stopped when all is answered: the next that is begun needs it again.
    if (this.#timer === undefined) this.#timer = this.#start(this.#ms);
  }

  end(pending: Pending): void {
    this.#pending.delete(pending);
  }

  /** `work`, but no longer than that. What it comes to later goes to `late`. */
  bound<T>(work: Promise<T>, late?: (value: T) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      let isLate = false;
      const giveUp = (): void => {
        isLate = true;
        reject(this.#expired());
      };
      const pending: Pending = { until: this.until, giveUp };
      this.begin(pending);
      work.then(
        (value) => {
          this.end(pending);
          if (isLate) late?.(value);
          else resolve(value);
        },
        (error: unknown) => {
          this.end(pending);
          reject(error);
        },
      );
    });
  }

  #start(ms: number): NodeJS.Timeout {
    return setTimeout(() => this.#ring(), ms).unref();
  }

  #ring(): void {
    this.#timer = undefined;
    const now = monotonicMs();
    for (const pending of this.#pending) {
      if (pending.until > now) {
        this.#timer = this.#start(Math.ceil(pending.until - now));
        return;
      }
      this.#pending.delete(pending);
      pending.giveUp();
    }
  }
}
