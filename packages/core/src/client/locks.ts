import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Capabilities, Diagnosis, LockBackend, LockSnapshot } from '../contract.ts';
import { InvalidArgumentError, LocksClosedError, UnsupportedError } from '../errors.ts';
import { parseDuration, shown } from '../config/duration.ts';
import type { Duration } from '../config/duration.ts';
import { Acquirer } from './acquirer.ts';
import type { Hold } from './hold.ts';
import { LockHandle } from './lock.ts';
import type { Lock } from './lock.ts';
import { checkName } from './name.ts';
import { parseAcquisition, parsePermits } from './options.ts';
import type {
  Acquisition,
  AcquireOptions,
  Defaults,
  IfAvailableOptions,
  RequestOptions,
  TryAcquireOptions,
  Verb,
} from './options.ts';
import { Reentrancy } from './reentrancy.ts';
import type { Semaphore } from './semaphore.ts';

export interface LocksOptions {
  /** Default of every request's `ttl`, in ms or as `'30s'`; default 30 s. */
  ttl?: Duration | undefined;
  /** Default of every request's `timeout`, in ms or as `'10s'`; default none. */
  timeout?: Duration | undefined;
  /** Shown by `query`; default a random UUID. */
  clientId?: string | undefined;
}

const DEFAULT_TTL_MS = 30_000;

/**
 * Locks over one backend. The scope form `request` has the semantics of the W3C Web Locks API (https://www.w3.org/TR/web-locks/).
 *
 * Every method rejects with `InvalidArgumentError` or `UnsupportedError` before anything is sent, with `LocksClosedError`
 * after `close`, and with `BackendUnavailableError` when the backend can't be reached.
 */
export class Locks implements AsyncDisposable {
  /** Identifies this client in `query`. */
  readonly clientId: string;
  readonly #backend: LockBackend;
  readonly #acquirer: Acquirer;
  readonly #defaults: Defaults;
  readonly #plains = new Map<Verb, Acquisition>();
  readonly #reentrancy = new Reentrancy();
  #closed: Promise<void> | undefined;

  constructor(backend: LockBackend, options: LocksOptions = {}) {
    const minTtlMs = backend.capabilities.ttl.minMs;
    this.#backend = backend;
    this.#defaults = {
      minTtlMs,
      ttlMs:
        options.ttl === undefined ? Math.max(DEFAULT_TTL_MS, minTtlMs) : parseDuration('ttl', options.ttl, minTtlMs),
      timeoutMs: options.timeout === undefined ? undefined : parseDuration('timeout', options.timeout),
    };
    this.clientId = options.clientId ?? randomUUID();
    this.#acquirer = new Acquirer(backend, { id: this.clientId, host: hostname(), pid: process.pid });
  }

  /** The backend's short name: `redis`, `file`, … */
  get backend(): string {
    return this.#backend.name;
  }

  /** What the backend promises. */
  get capabilities(): Capabilities {
    return this.#backend.capabilities;
  }

  /**
   * Runs `callback` while holding the lock and resolves with its result once the lock is released.
   *
   * Rejects with `LockTimeoutError` when the wait exceeds `timeout`, with the signal's reason when it is aborted, and with
   * `LockLostError` when the lock was lost while the callback ran; an error of the callback's own wins and gets the loss as `cause`.
   */
  request<T>(name: string, callback: (lock: Lock) => T): Promise<Awaited<T>>;
  request<T>(name: string, options: IfAvailableOptions, callback: (lock: Lock | null) => T): Promise<Awaited<T>>;
  request<T>(name: string, options: RequestOptions, callback: (lock: Lock) => T): Promise<Awaited<T>>;
  async request<T>(
    name: string,
    optionsOrCallback: RequestOptions | IfAvailableOptions | ((lock: Lock) => T),
    given?: ((lock: Lock) => T) | ((lock: Lock | null) => T),
  ): Promise<Awaited<T>> {
    const callback = (given ?? optionsOrCallback) as (lock: Lock | null) => T;
    const options = given === undefined ? undefined : optionsOrCallback;
    if (typeof callback !== 'function') {
      throw new InvalidArgumentError(`Expected \`callback\` to be a function, got ${shown(callback)}`);
    }
    const hold = await this.#obtain(name, this.#parse(name, options, 'request'));
    if (hold === null) return await callback(null);
    const lock = new LockHandle(hold);
    let result: Awaited<T>;
    try {
      result = await this.#reentrancy.run(hold, () => callback(lock));
    } catch (error) {
      await lock[Symbol.asyncDispose]();
      throw withCause(error, hold.loss);
    }
    // Read before the release: a loss counts only while the callback ran.
    const { loss } = hold;
    // A release that the backend did not hear of is published; it must not turn the callback's success into a failure.
    await lock[Symbol.asyncDispose]();
    if (loss !== undefined) throw loss;
    return result;
  }

  /** Waits for the lock. Release it with `lock.release()`, or bind it with `await using`. */
  async acquire(name: string, options?: AcquireOptions): Promise<Lock> {
    const hold = await this.#obtain(name, this.#parse(name, options, 'acquire'));
    if (hold === null) throw new TypeError(`The ${this.#backend.name} backend answered null to a request that waits`);
    return new LockHandle(hold);
  }

  /** The lock if it is free now, else `null`. */
  async tryAcquire(name: string, options?: TryAcquireOptions): Promise<Lock | null> {
    const hold = await this.#obtain(name, this.#parse(name, options, 'tryAcquire'));
    return hold === null ? null : new LockHandle(hold);
  }

  /** At most `permits` holders at a time. Throws `InvalidArgumentError` at once. */
  semaphore(name: string, permits: number): Semaphore {
    checkName(name);
    if (parsePermits(permits) === undefined)
      throw new InvalidArgumentError('Expected `permits` to be a whole number of at least 1');
    const request = <T>(
      optionsOrCallback: Omit<RequestOptions, 'permits'> | ((lock: Lock) => T),
      callback?: (lock: Lock) => T,
    ): Promise<Awaited<T>> =>
      typeof optionsOrCallback === 'function'
        ? this.request(name, { permits }, optionsOrCallback)
        : this.request(name, { ...optionsOrCallback, permits }, callback as (lock: Lock) => T);
    return {
      name,
      permits,
      request: request as Semaphore['request'],
      acquire: (options) => this.acquire(name, { ...options, permits }),
      tryAcquire: (options) => this.tryAcquire(name, { ...options, permits }),
    };
  }

  /** Who holds and who waits, of one name or of all; `UnsupportedError` where the backend can't tell. */
  async query(name?: string): Promise<LockSnapshot> {
    this.#assertOpen();
    if (name !== undefined) checkName(name);
    if (this.#backend.query === undefined || !this.#backend.capabilities.query) throw this.#unsupported('query');
    return await this.#acquirer.during(this.#backend.query(name));
  }

  /** A round trip to the server, for people: its version, and what may be wrong with it. */
  async diagnose(): Promise<Diagnosis> {
    this.#assertOpen();
    if (this.#backend.diagnose === undefined) return { server: this.#backend.name, findings: [] };
    return await this.#acquirer.during(this.#backend.diagnose());
  }

  /**
   * Ends all waits with `LocksClosedError`, releases all that is held (each `signal` aborts first), and closes what
   * `createLocks` opened. Safe to call twice; rejects if the backend could not be closed.
   */
  close(): Promise<void> {
    return (this.#closed ??= this.#acquirer.close());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #parse(name: string, options: unknown, verb: Verb): Acquisition {
    this.#assertOpen();
    checkName(name);
    const acquisition = options === undefined ? this.#plain(verb) : parseAcquisition(options, this.#defaults, verb);
    const { capabilities } = this.#backend;
    if (!capabilities.modes.includes(acquisition.mode)) throw this.#unsupported(`${acquisition.mode} locks`);
    if (acquisition.steal && !capabilities.steal) throw this.#unsupported('`steal`');
    return acquisition;
  }

  /** Of a request without options: parsed once, and shared by all such locks. */
  #plain(verb: Verb): Acquisition {
    let acquisition = this.#plains.get(verb);
    if (acquisition === undefined)
      this.#plains.set(verb, (acquisition = parseAcquisition(undefined, this.#defaults, verb)));
    return acquisition;
  }

  #obtain(name: string, acquisition: Acquisition): Promise<Hold | null> {
    const outer = acquisition.reentrant ? this.#reentrancy.find(name, acquisition.mode) : undefined;
    if (outer === undefined) return this.#acquirer.acquire(name, acquisition);
    acquisition.signal?.throwIfAborted();
    outer.share();
    return Promise.resolve(outer);
  }

  #assertOpen(): void {
    if (this.#closed !== undefined) throw new LocksClosedError();
  }

  #unsupported(what: string): UnsupportedError {
    return new UnsupportedError(`The ${this.#backend.name} backend does not support ${what}`);
  }
}

/** The callback's error, with the loss that may have brought it about as its cause. */
function withCause(error: unknown, loss: Error | undefined): unknown {
  if (loss === undefined || error === loss || !(error instanceof Error) || error.cause !== undefined) return error;
  if (Object.isExtensible(error))
    Object.defineProperty(error, 'cause', { value: loss, writable: true, configurable: true });
  return error;
}
