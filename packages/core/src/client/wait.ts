import { LockTimeoutError } from '../errors.ts';

/** The waits that a signal of the user's ends. One listener serves them all: Node warns of a leak from the eleventh on. */
const waitsOf = new WeakMap<AbortSignal, Set<Wait>>();

function onAbort(event: Event): void {
  const source = event.target as AbortSignal;
  for (const wait of waitsOf.get(source) ?? []) wait.abort(source.reason);
}

/** One signal for all that can end a wait: the user's abort, the timeout, `close`. */
export class Wait {
  readonly #controller = new AbortController();
  readonly #source: AbortSignal | undefined;
  readonly #timer: NodeJS.Timeout | undefined;

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

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  abort(reason: unknown): void {
    this.#controller.abort(reason);
  }

  /** Leaves no timer and no listener. */
  end(): void {
    clearTimeout(this.#timer);
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

/**
 * `work`, but at most `graceMs` longer than `signal` lets it: then rejects with the signal's reason, and whatever `work` comes to later
 * goes to `late`.
 */
export function abandonable<T>(
  work: Promise<T>,
  signal: AbortSignal,
  graceMs: number,
  late: (value: T) => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined;
    let abandoned = false;
    const onAbort = (): void => {
      timer = setTimeout(() => {
        abandoned = true;
        reject(signal.reason as Error);
      }, graceMs);
      timer.unref();
    };
    const settled = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    work.then(
      (value) => {
        settled();
        if (abandoned) late(value);
        else resolve(value);
      },
      (error: unknown) => {
        settled();
        reject(error);
      },
    );
  });
}
