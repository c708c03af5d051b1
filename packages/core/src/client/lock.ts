import type { RequestMode } from '../contract.ts';
import type { Hold } from './hold.ts';

/** A lock that was granted. */
export interface Lock extends AsyncDisposable {
  readonly name: string;
  readonly mode: RequestMode;
  /** 63 bits; greater than that of every earlier grant of this name. Hand it to the resource, which refuses smaller ones. */
  readonly fencingToken: bigint;
  /** Aborts with a `LockLostError` when the hold ends before its release. Pass it to whatever the lock protects. */
  readonly signal: AbortSignal;
  /** By this process's monotonic clock, at this very moment. */
  readonly held: boolean;
  /** How long the hold is certain if no renewal succeeds from now on, in ms; 0 when released or lost. */
  readonly remainingMs: number;
  /** Renews now. Throws `LockLostError` if it is lost, `BackendUnavailableError` if the backend can't be asked. */
  renew(): Promise<void>;
  /** Safe to call twice and after a loss. Throws `BackendUnavailableError` if the backend can't be told: it then ends with its ttl. */
  release(): Promise<void>;
}

/** One share of a hold. */
export class LockHandle implements Lock {
  readonly #hold: Hold;
  #released: Promise<void> | undefined;

  constructor(hold: Hold) {
    this.#hold = hold;
  }

  get name(): string {
    return this.#hold.name;
  }

  get mode(): RequestMode {
    return this.#hold.acquisition.mode;
  }

  get fencingToken(): bigint {
    return this.#hold.grant.fencingToken;
  }

  get signal(): AbortSignal {
    return this.#hold.signal;
  }

  get held(): boolean {
    return this.#released === undefined && this.#hold.held;
  }

  get remainingMs(): number {
    return this.#released === undefined ? this.#hold.remainingMs : 0;
  }

  renew(): Promise<void> {
    return this.#hold.renew();
  }

  release(): Promise<void> {
    return (this.#released ??= this.#hold.drop());
  }

  /** Like `release`, but a failure to reach the backend does not replace what the scope itself threw; it is published. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.release().then(undefined, () => undefined);
  }
}
