import type { LockLostError, LossReason } from './errors.ts';
import type { Lease } from './lease.ts';

/**
 * `held`: proved within the ttl. `unknown`: the last renewal failed to reach the backend; still held until the deadline.
 * `lost`: the backend said so, or the deadline passed. `ended`: released.
 */
export type LeaseState = 'held' | 'unknown' | 'lost' | 'ended';

export type LeaseEvent =
  | { readonly type: 'renewed'; readonly durationMs: number }
  | { readonly type: 'unknown'; readonly error: unknown }
  | { readonly type: 'lost'; readonly error: LockLostError };

export type RenewResult = 'renewed' | LossReason;

/** What a lease is kept by: each adapter's own way to prove that it still holds. */
export interface LeaseSource {
  /** One proof of ownership. Resolves with what the backend said; rejects when that is unknown. */
  renew(lease: Lease): Promise<RenewResult>;
  /** Called once when the lease is lost, before anybody who observes it is told. Must not throw. */
  onLost?(): void;
}

export interface LeaseTerms {
  /** How long the backend keeps the grant after a proof of life, in ms. */
  readonly ttlMs: number;
  /**
   * {@link monotonicMs} at the *start* of the request that proved ownership; for a pushed grant, at the last answer
   * that said "still waiting". Validity never counts from a response: the backend's clock ran while it travelled.
   */
  readonly provedAt: number;
  /** `false`: no renewal by timer, only the deadline. */
  readonly auto: boolean;
  /** Bound on the clock skew between servers that may take over from each other, in ms; 0 where one clock decides. */
  readonly skewMs?: number;
}

export interface LeaseOptions extends LeaseTerms, LeaseSource {}

/** A grant's view of its lease: all that core needs. A {@link Lease} of its own, or a {@link SharedLease} of a session. */
export interface GrantLease {
  readonly ttlMs: number;
  readonly state: LeaseState;
  /** How long the backend is sure to keep this grant, in ms, if no renewal succeeds from now on; 0 once lost or ended. */
  readonly remainingMs: number;
  /** Aborts with the `LockLostError`. Never aborts after a release. */
  readonly signal: AbortSignal;
  /** Set once lost. */
  readonly lossError: LockLostError | undefined;
  /** Calls `listener` on every event until the returned function is called. A listener must not throw. */
  observe(listener: (event: LeaseEvent) => void): () => void;
  /** Renews now. Throws the `LockLostError` once lost, or the adapter's error when the backend could not be asked. */
  renew(): Promise<void>;
  /** The backend said that the hold is over (or its connection is, where that frees the lock). */
  lose(reason: LossReason, cause?: unknown): void;
  /** Released, or about to be: no loss from now on. Safe to call twice. */
  end(): void;
}

/** Clock *rates* of two machines differ by far less than 1 % (the bound that Redlock uses); 2 ms covers timer rounding. */
const DRIFT_FRACTION = 0.01;
const DRIFT_MS = 2;

export function driftMarginMs(ttlMs: number): number {
  return ttlMs * DRIFT_FRACTION + DRIFT_MS;
}
