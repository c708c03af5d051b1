import { monotonicMs } from '@holdfast/core/adapter';

interface Pending {
  readonly until: number;
  readonly giveUp: () => void;
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

  /** `work`, but no longer than that. */
  bound<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const pending: Pending = { until: monotonicMs() + this.#ms, giveUp: () => reject(this.#expired()) };
      this.#pending.add(pending);
      // Not stopped when all is answered: the next that is begun needs it again.
      if (this.#timer === undefined) this.#timer = this.#start(this.#ms);
      work.then(
        (value) => {
          this.#pending.delete(pending);
          resolve(value);
        },
        (error: unknown) => {
          this.#pending.delete(pending);
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
        this.#timer = this.#start(pending.until - now);
        return;
      }
      this.#pending.delete(pending);
      pending.giveUp();
    }
  }
}
