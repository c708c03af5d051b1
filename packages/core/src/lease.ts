import { sleepNoMore, sleepUntil } from './alarms.ts';
import type { Alarm } from './alarms.ts';
import { monotonicMs } from './clock.ts';
import type { LockLostError, LossReason } from './errors.ts';
import { driftMarginMs } from './lease-terms.ts';
import type { GrantLease, LeaseEvent, LeaseOptions, LeaseSource, LeaseState, LeaseTerms } from './lease-terms.ts';
import { tell, withListener, withoutListener } from './listeners.ts';
import type { Listener, Listeners } from './listeners.ts';
import { lossError } from './loss-error.ts';

/** Leases that are due within the same thirtieth of a ttl renew in the same tick, so that an adapter can batch them. */
const BATCH_FRACTION = 30;
/** A failed renewal is tried again after a tenth of the ttl, at least this many ms later: no hot loop at a small ttl. */
const MIN_RETRY_MS = 20;

/**
 * The watchdog of a hold: renews at a third of the ttl, which leaves two more chances, and declares the loss at a deadline
 * that its own timer keeps even while a renewal hangs. Its timers never keep the process alive; core does that.
 */
export class Lease implements GrantLease {
  readonly ttlMs: number;
  // A process may hold a hundred thousand of these: what is the same for all leases of an adapter is not in them.
  readonly #source: LeaseSource;
  readonly #auto: boolean;
  readonly #skewMs: number;
  #deadline: number;
  #renewAt: number;
  #state: LeaseState = 'held';
  #lost: LockLostError | undefined;
  #controller: AbortController | undefined;
  #alarm: Alarm | undefined;
  #listeners: Listeners<LeaseEvent> = undefined;

  /** `source`: where a grant is its own, which saves an object for each of many locks. */
  constructor(options: LeaseOptions);
  constructor(terms: LeaseTerms, source: LeaseSource);
  constructor(options: LeaseTerms, source: LeaseSource = options as LeaseOptions) {
    const { ttlMs, provedAt, auto, skewMs = 0 } = options;
    this.ttlMs = ttlMs;
    this.#source = source;
    this.#auto = auto;
    this.#skewMs = skewMs;
    this.#deadline = this.#deadlineFrom(provedAt);
    this.#renewAt = this.#nextRenewal(provedAt);
    this.#schedule();
  }

  get state(): LeaseState {
    // A frozen process reads the clock before its timers have run: the deadline counts, not the timer.
    if (this.#isLive && monotonicMs() >= this.#deadline) this.#expire();
    return this.#state;
  }

  get remainingMs(): number {
    const state = this.state;
    return state === 'held' || state === 'unknown' ? this.#deadline - monotonicMs() : 0;
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
    this.share(listener);
    return () => this.unshare(listener);
  }

  /** {@link observe} without closures, for the many grants of a session. */
  share(listener: Listener<LeaseEvent>): void {
    this.#listeners = withListener(this.#listeners, listener);
  }

  unshare(listener: Listener<LeaseEvent>): void {
    this.#listeners = withoutListener(this.#listeners, listener);
  }

  async renew(): Promise<void> {
    this.#assertLive();
    const failure = await this.attempt();
    this.#assertLive();
    if (failure !== undefined) throw failure.error;
  }

  /** A renewal that never rejects: its outcome is in the state and the events. Resolves with why the backend could not be asked. */
  async attempt(): Promise<{ readonly error: unknown } | undefined> {
    const startedAt = monotonicMs();
    this.#renewAt = this.#nextRenewal(startedAt);
    try {
      const result = await this.#source.renew(this);
      if (result === 'renewed') this.proved(startedAt);
      else this.lose(result);
      return undefined;
    } catch (error) {
      this.#unknown(error);
      return { error };
    }
  }

  /** Ownership was proved by a request that started at `startedAt`; later proofs win, in whatever order they arrive. */
  proved(startedAt: number): void {
    // The deadline has the last word: after it the signal has fired, so a late success must not revive the hold.
    if (!this.#isLive || this.state === 'lost') return;
    this.#state = 'held';
    const deadline = this.#deadlineFrom(startedAt);
    if (deadline > this.#deadline) this.#deadline = deadline;
    const renewAt = this.#nextRenewal(startedAt);
    if (renewAt > this.#renewAt) this.#renewAt = renewAt;
    this.#emit({ type: 'renewed', durationMs: monotonicMs() - startedAt });
  }

  lose(reason: LossReason, cause?: unknown): void {
    if (!this.#isLive) return;
    this.#lost = lossError(reason, cause);
    this.#stop('lost');
    this.#source.onLost?.();
    this.#controller?.abort(this.#lost);
    this.#emit({ type: 'lost', error: this.#lost });
    this.#listeners = undefined;
  }

  end(): void {
    if (!this.#isLive) return;
    this.#stop('ended');
    this.#listeners = undefined;
  }

  get #isLive(): boolean {
    return this.#state === 'held' || this.#state === 'unknown';
  }

  #assertLive(): void {
    if (this.state === 'lost') throw this.#lost;
    if (this.#state === 'ended') throw lossError('released');
  }

  #unknown(error: unknown): void {
    if (!this.#isLive) return;
    this.#state = 'unknown';
    this.#renewAt = Math.min(this.#renewAt, monotonicMs() + Math.max(this.ttlMs / 10, MIN_RETRY_MS));
    this.#schedule();
    this.#emit({ type: 'unknown', error });
  }

  #expire(): void {
    this.lose('expired');
  }

  #nextRenewal(startedAt: number): number {
    const grid = this.ttlMs / BATCH_FRACTION;
    return Math.floor((startedAt + this.ttlMs / 3) / grid) * grid;
  }

  #deadlineFrom(provedAt: number): number {
    return provedAt + this.ttlMs - driftMarginMs(this.ttlMs) - this.#skewMs;
  }

  /** One alarm serves both purposes. A proof only moves the two times; the lease finds that out when it is woken. */
  #schedule(): void {
    if (this.#alarm !== undefined) sleepNoMore(this.#alarm, this);
    this.#alarm = sleepUntil(this.#auto ? Math.min(this.#renewAt, this.#deadline) : this.#deadline, this);
  }

  /** For its alarm. */
  wake(): void {
    if (this.state === 'lost' || !this.#isLive) return;
    if (this.#auto && monotonicMs() >= this.#renewAt) void this.attempt();
    this.#schedule();
  }

  #stop(state: 'lost' | 'ended'): void {
    this.#state = state;
    if (this.#alarm !== undefined) sleepNoMore(this.#alarm, this);
    this.#alarm = undefined;
  }

  #emit(event: LeaseEvent): void {
    tell(this.#listeners, event);
  }
}
