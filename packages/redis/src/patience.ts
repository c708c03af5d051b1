import { monotonicMs } from '@holdfast/core/adapter';

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

  begin(pending: Pending): void {
    this.#pending.add(pending);
    // Not stopped when all is answered: the next that is begun needs it again.
    if (this.#timer === undefined) this.#timer = this.#start(this.#ms);
  }

  end(pending: Pending): void {
    this.#pending.delete(pending);
  }

  /** `work`, but no longer than that. */
  bound<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const pending: Pending = { until: this.until, giveUp: () => reject(this.#expired()) };
      this.begin(pending);
      work.then(
        (value) => {
          this.end(pending);
          resolve(value);
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
        this.#timer = this.#start(pending.until - now);
        return;
      }
      this.#pending.delete(pending);
      pending.giveUp();
    }
  }
}
