import { BackendUnavailableError } from '@holdfast/core/adapter';

/** How long a session has been without a connection, and who gives up because of that. */
export class Outage {
  readonly #limitMs: number;
  readonly #listeners = new Set<() => void>();
  #timer: NodeJS.Timeout | undefined;
  #isTooLong = false;

  constructor(limitMs: number) {
    this.#limitMs = limitMs;
  }

  begin(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#giveUp(), this.#limitMs);
    this.#timer.unref();
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#isTooLong = false;
  }

  /** `work`, unless there has been no connection for too long before it ends. */
  unless<T>(work: Promise<T>, late: (value: T) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      let isLate = false;
      const giveUp = (): void => {
        isLate = true;
        reject(new BackendUnavailableError(`ZooKeeper could not be reached for ${this.#limitMs} ms`));
      };
      this.#listeners.add(giveUp);
      const settle = (): void => void this.#listeners.delete(giveUp);
      work.then(
        (value) => {
          settle();
          if (isLate) late(value);
          else resolve(value);
        },
        (error: unknown) => {
          settle();
          reject(error);
        },
      );
      if (this.#isTooLong) giveUp();
    });
  }

  #giveUp(): void {
    this.#isTooLong = true;
    for (const giveUp of this.#listeners) giveUp();
    this.#listeners.clear();
  }
}
