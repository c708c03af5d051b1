import type { Pending } from './patience.ts';
import type { ServerClock } from './server-clock.ts';

/** A script on its way. */
export interface Call {
  /** Rejects with `BackendUnavailableError`, also when no answer came in time: the script may then have run, or may yet. */
  readonly reply: Promise<unknown>;
  /** Of the server that has answered. */
  readonly clock: ServerClock;
  /** When nothing will come of it any more: answered, or failed for good. Never rejects. */
  readonly settled: Promise<void>;
}

/** To one server. One object and one promise for each: most of what a lock costs the client is what it leaves for the garbage collector. */
export class DirectCall implements Call, Pending {
  readonly reply: Promise<unknown>;
  readonly clock: ServerClock;
  readonly until: number;
  readonly #expired: () => Error;
  #resolve: (reply: unknown) => void = ignore;
  #reject: (error: unknown) => void = ignore;
  #isOver = false;
  #settled: Promise<void> | undefined;
  #onSettled: () => void = ignore;

  /** `until`: when it took too long, by the monotonic clock; `expired`: the error then. */
  constructor(clock: ServerClock, until: number, expired: () => Error) {
    this.clock = clock;
    this.until = until;
    this.#expired = expired;
    this.reply = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  get settled(): Promise<void> {
    if (this.#isOver) return Promise.resolve();
    return (this.#settled ??= new Promise((resolve) => (this.#onSettled = resolve)));
  }

  /** Nobody waits for the answer any more; what it was sent for may yet come to pass. */
  giveUp(): void {
    this.#reject(this.#expired());
  }

  answered(reply: unknown): void {
    this.#resolve(reply);
    this.#over();
  }

  failed(error: unknown): void {
    this.#reject(error);
    this.#over();
  }

  #over(): void {
    this.#isOver = true;
    this.#onSettled();
  }
}

/** Through several, perhaps. */
export class IndirectCall implements Call {
  readonly reply: Promise<unknown>;
  readonly #work: Promise<unknown>;
  readonly #place: { readonly clock: ServerClock };

  /** `place`: where it was answered, once it is. */
  constructor(work: Promise<unknown>, reply: Promise<unknown>, place: { readonly clock: ServerClock }) {
    this.#work = work;
    this.reply = reply;
    this.#place = place;
  }

  get clock(): ServerClock {
    return this.#place.clock;
  }

  get settled(): Promise<void> {
    return this.#work.then(ignore, ignore);
  }
}

function ignore(): void {}
