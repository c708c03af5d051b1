import { monotonicMs } from '@holdfast/core/adapter';
import { unanswered } from './errors.ts';

interface Awaited {
  readonly until: number;
  readonly giveUp: () => void;
}

/** How long anybody waits for an answer. One timer serves all who do: each lock would else cost two. */
export class Patience {
  readonly #ms: number;
  /** In the order in which they began, and so in that in which their time is up. */
  readonly #awaited = new Set<Awaited>();
  #hasTimer = false;

  /** In ms. */
  constructor(ms: number) {
    this.#ms = ms;
  }

  /** `work`, for as long as patience lasts; then rejects with a `BackendUnavailableError`. What it comes to later goes to `late`. */
  answered<T>(work: Promise<T>, late: (value: T) => void = () => undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      let isLate = false;
      const giveUp = (): void => {
        isLate = true;
        reject(unanswered(this.#ms));
      };
      const awaited: Awaited = { until: monotonicMs() + this.#ms, giveUp };
      this.#awaited.add(awaited);
      if (!this.#hasTimer) this.#lookIn(this.#ms);
      work.then(
        (value) => {
          this.#awaited.delete(awaited);
          if (isLate) late(value);
          else resolve(value);
        },
        (error: unknown) => {
          this.#awaited.delete(awaited);
          reject(error);
        },
      );
    });
  }

  #lookIn(ms: number): void {
    this.#hasTimer = true;
    setTimeout(() => this.#look(), ms).unref();
  }

  /** Nobody's time is up before that of the oldest: whoever was answered meanwhile has cost no timer. */
  #look(): void {
    this.#hasTimer = false;
    const now = monotonicMs();
    for (const awaited of this.#awaited) {
      if (awaited.until > now) {
        this.#lookIn(Math.ceil(awaited.until - now));
        return;
      }
      this.#awaited.delete(awaited);
      awaited.giveUp();
    }
  }
}
