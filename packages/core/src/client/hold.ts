import type { Grant } from '../contract.ts';
import type { LeaseEvent } from '../lease-terms.ts';
import { monotonicMs } from '../clock.ts';
import { isHeard, publish } from './events.ts';
import type { LockEvent } from './events.ts';
import type { Acquisition } from './options.ts';

/** Whose the holds are: it can free them, and keeps account of them. */
export interface HoldOwner {
  /** The backend's name. */
  readonly backend: string;
  readonly clientId: string;
  /** Frees the grant at the backend. */
  release(grant: Grant): Promise<unknown>;
  /** Called when the hold is over: released, or lost; perhaps more than once. */
  over(hold: Hold): void;
}

/** A grant of the backend, shared by the lock handles of one reentrant scope, or by a single one. */
export class Hold {
  readonly name: string;
  readonly acquisition: Acquisition;
  readonly grant: Grant;
  readonly #owner: HoldOwner;
  readonly #since = monotonicMs();
  #shares = 1;
  /** Once its release has begun, a hold is neither renewed nor lost, whatever becomes of its lease. */
  #leaving = false;
  #loss: Error | undefined;
  #controller: AbortController | undefined;
  #released: Promise<void> | undefined;

  constructor(owner: HoldOwner, name: string, acquisition: Acquisition, grant: Grant) {
    this.#owner = owner;
    this.name = name;
    this.acquisition = acquisition;
    this.grant = grant;
    grant.lease.observe((event) => this.#onLease(event));
    // The loss may have come in the same packet as the grant, before anybody observed.
    if (grant.lease.lossError !== undefined) this.#lose(grant.lease.lossError);
  }

  get held(): boolean {
    return this.#released === undefined && this.remainingMs > 0 && this.#loss === undefined;
  }

  get released(): boolean {
    return this.#released !== undefined;
  }

  /** As far as it is known: without a look at the clock. */
  get isLost(): boolean {
    return this.#loss !== undefined;
  }

  /** In ms; 0 once released or lost. */
  get remainingMs(): number {
    return this.#released === undefined && this.#loss === undefined ? this.grant.lease.remainingMs : 0;
  }

  /** Why it ended before its release. */
  get loss(): Error | undefined {
    // Reading the lease's clock first: a process that was frozen learns of its loss here, before any timer has run.
    if (this.#released === undefined && this.#loss === undefined) void this.grant.lease.remainingMs;
    return this.#loss;
  }

  get signal(): AbortSignal {
    // By way of `loss`: after a pause, who looks at the signal first must see what no timer has told yet.
    const { loss } = this;
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (loss !== undefined) this.#controller.abort(loss);
    }
    return this.#controller.signal;
  }

  async renew(): Promise<void> {
    if (this.#loss !== undefined) throw this.#loss;
    await this.grant.lease.renew();
  }

  share(): void {
    this.#shares += 1;
  }

  /** Gives back one share; the last one frees the lock. */
  drop(): Promise<void> {
    this.#shares -= 1;
    return this.#shares === 0 ? this.#release() : Promise.resolve();
  }

  /** Ends the hold under its holders: their signal aborts before the backend can grant the lock to anybody else. */
  revoke(reason: Error): Promise<void> {
    this.#lose(reason);
    return this.#release();
  }

  #release(): Promise<void> {
    this.#leaving = true;
    return (this.#released ??= this.#loss === undefined ? this.#free() : this.#freeAfterLoss());
  }

  #free(): Promise<void> {
    return this.#owner.release(this.grant).then(
      () => this.#over(),
      (error: unknown) => {
        this.#over(error);
        throw error;
      },
    );
  }

  /** The deadline lies before the backend's own, so the backend may still have the entry: free it, but nobody waits for that. */
  #freeAfterLoss(): Promise<void> {
    this.#free().then(undefined, () => undefined);
    return Promise.resolve();
  }

  #over(error?: unknown): void {
    if (isHeard('released')) publish('released', this.#event(error));
    this.#owner.over(this);
  }

  #onLease(event: LeaseEvent): void {
    if (this.#leaving) return;
    if (event.type === 'lost') this.#lose(event.error);
    else if (event.type === 'renewed' && isHeard('renewed'))
      publish('renewed', { ...this.#event(), durationMs: event.durationMs });
  }

  #lose(loss: Error): void {
    if (this.#loss !== undefined || this.#released !== undefined) return;
    this.#loss = loss;
    this.#controller?.abort(loss);
    if (isHeard('lost')) publish('lost', this.#event(loss));
    this.#owner.over(this);
  }

  #event(error?: unknown): LockEvent {
    const { mode, permits } = this.acquisition;
    return {
      name: this.name,
      mode,
      permits,
      backend: this.#owner.backend,
      clientId: this.#owner.clientId,
      fencingToken: this.grant.fencingToken,
      durationMs: monotonicMs() - this.#since,
      ...(error === undefined ? {} : { error }),
    };
  }
}
