import type { LockLostError, LossReason } from './errors.ts';
import type { Lease } from './lease.ts';
import type { GrantLease, LeaseEvent, LeaseState } from './lease-terms.ts';
import { lossError } from './loss-error.ts';
import { tell, withListener, withoutListener } from './listeners.ts';
import type { Listeners } from './listeners.ts';

/**
 * One grant's share of a session's lease: it lives as long as the session does, but can be lost (stolen) or released alone.
 * It has no timer: ten thousand grants cost the session's one heartbeat.
 */
export class SharedLease implements GrantLease {
  readonly ttlMs: number;
  readonly #session: Lease;
  #over: 'lost' | 'ended' | undefined;
  #lost: LockLostError | undefined;
  #controller: AbortController | undefined;
  #listeners: Listeners<LeaseEvent> = undefined;

  constructor(session: Lease) {
    this.ttlMs = session.ttlMs;
    this.#session = session;
    session.share(this);
    // The session may have been lost before this grant could observe it.
    if (session.lossError !== undefined) this.#lose(session.lossError);
  }

  /** For its session's lease. */
  notify(event: LeaseEvent): void {
    if (event.type === 'lost') this.#lose(event.error);
    else tell(this.#listeners, event);
  }

  get state(): LeaseState {
    // Reading the session's clock may lose it here and now, which sets #over.
    const { state } = this.#session;
    return this.#over ?? state;
  }

  get remainingMs(): number {
    const { remainingMs } = this.#session;
    return this.#over === undefined ? remainingMs : 0;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#lost !== undefined) this.#controller.abort(this.#lost);
    }
    return this.#controller.signal;
  }

  get lossError(): LockLostError | undefined {
    return this.#lost;
  }

  observe(listener: (event: LeaseEvent) => void): () => void {
    this.#listeners = withListener(this.#listeners, listener);
    return () => {
      this.#listeners = withoutListener(this.#listeners, listener);
    };
  }

  async renew(): Promise<void> {
    this.#assertLive();
    await this.#session.renew();
    this.#assertLive();
  }

  lose(reason: LossReason, cause?: unknown): void {
    if (this.#over === undefined) this.#lose(lossError(reason, cause));
  }

  end(): void {
    if (this.#over === undefined) this.#stop('ended');
  }

  #assertLive(): void {
    if (this.state === 'lost') throw this.#lost;
    if (this.#over === 'ended') throw lossError('released');
  }

  #lose(error: LockLostError): void {
    if (this.#over !== undefined) return;
    this.#lost = error;
    const listeners = this.#listeners;
    this.#stop('lost');
    this.#controller?.abort(error);
    tell(listeners, { type: 'lost', error });
  }

  #stop(over: 'lost' | 'ended'): void {
    this.#over = over;
    this.#session.unshare(this);
    this.#listeners = undefined;
  }
}
