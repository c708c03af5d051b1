import { LockTimeoutError } from '../errors.ts';

/** The waits that a signal of the user's ends. One listener serves them all: Node warns of a leak from the eleventh on. */
const waitsOf = new WeakMap<AbortSignal, Set<Wait>>();

function onAbort(event: Event): void {
  const source = event.target as AbortSignal;
  for (const wait of waitsOf.get(source) ?? []) wait.abort(source.reason);
}

/** All that can end a wait as one: the user's abort, the timeout, `close`. */
export class Wait {
  readonly #source: AbortSignal | undefined;
  readonly #timer: NodeJS.Timeout | undefined;
  #ended: { readonly reason: unknown } | undefined;
  #controller: AbortController | undefined;
  /** Of the work that is under way. */
  #reject: ((reason: unknown) => void) | undefined;
  #graceMs = 0;
  #graceTimer: NodeJS.Timeout | undefined;
  #isGivenUp = false;

  /** Throws the signal's reason if it is aborted already. */
  constructor(name: string, source: AbortSignal | undefined, timeoutMs: number | undefined) {
    source?.throwIfAborted();
    this.#source = source;
    if (source !== undefined) listen(source, this);
    if (timeoutMs === undefined) return;
    this.#timer = setTimeout(() => {
      this.abort(new LockTimeoutError(`Lock ${JSON.stringify(name)} was not granted within ${timeoutMs} ms`));
    }, timeoutMs);
    this.#timer.unref();
  }

  /** Made for whoever asks for it: most locks are free, and nobody needs a signal. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#ended !== undefined) this.#controller.abort(this.#ended.reason);
    }
    return this.#controller.signal;
  }

  get aborted(): boolean {
    return this.#ended !== undefined;
  }

  throwIfAborted(): void {
    if (this.#ended !== undefined) throw this.#ended.reason;
  }

  abort(reason: unknown): void {
    if (this.#ended !== undefined) return;
    this.#ended = { reason };
    this.#controller?.abort(reason);
    if (this.#reject !== undefined) this.#startGrace();
  }

  /**
   * `work`, but at most `graceMs` longer than the wait: then rejects with the reason of its abort, and whatever `work` comes to later
   * goes to `late`. One work at a time, and none after one that was given up.
   */
  within<T>(work: Promise<T>, graceMs: number, late: (value: T) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#graceMs = graceMs;
      this.#reject = reject;
      if (this.aborted) this.#startGrace();
      work.then(
        (value) => {
          if (this.#isGivenUp) return late(value);
          this.#settled();
          resolve(value);
        },
        (error: unknown) => {
          this.#settled();
          reject(error);
        },
      );
    });
  }

  #startGrace(): void {
    this.#graceTimer = setTimeout(() => {
      this.#isGivenUp = true;
      this.#reject?.(this.#ended?.reason);
    }, this.#graceMs);
    this.#graceTimer.unref();
  }

  #settled(): void {
    if (this.#graceTimer !== undefined) clearTimeout(this.#graceTimer);
    this.#reject = undefined;
  }

  /** Leaves no timer and no listener. */
  end(): void {
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    if (this.#source !== undefined) unlisten(this.#source, this);
  }
}

function listen(source: AbortSignal, wait: Wait): void {
  const waits = waitsOf.get(source);
  if (waits !== undefined) {
    waits.add(wait);
    return;
  }
  waitsOf.set(source, new Set([wait]));
  source.addEventListener('abort', onAbort);
}

function unlisten(source: AbortSignal, wait: Wait): void {
  const waits = waitsOf.get(source);
  waits?.delete(wait);
  if (waits?.size !== 0) return;
  waitsOf.delete(source);
  source.removeEventListener('abort', onAbort);
}
