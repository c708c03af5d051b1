import type { Capabilities } from '@holdfast/core/adapter';

/** What a server takes as a session's TTL unless its `session_ttl_min` says otherwise, in ms. */
export const DEFAULT_SESSION_TTL_MIN_MS = 10_000;

/**
 * A session's TTL is half of the lock's, because the server ends a session that is silent for twice its TTL: see
 * docs/decisions/022-consul-ttl.md. What it adds to that is a commit of its log.
 */
export function capabilitiesFor(sessionTtlMinMs: number): Capabilities {
  return {
    modes: ['exclusive', 'shared', 'semaphore'],
    steal: true,
    query: true,
    fifo: true,
    wakeup: 'push',
    lease: 'session',
    takeover: 'after-ttl',
    ttl: { minMs: 2 * sessionTtlMinMs, granularityMs: 1000 },
    fencing: 'global',
    reach: 'network',
    durability:
      'Locks and tokens are replicated by Raft and survive restarts and leader changes; a new leader gives every session its full ttl again',
  };
}

export const capabilities: Capabilities = capabilitiesFor(DEFAULT_SESSION_TTL_MIN_MS);

/** Twice the longest TTL that Consul takes for a session, which is a day; in ms. */
export const MAX_TTL_MS: number = 2 * 24 * 3600 * 1000;

/** Of the session that keeps a lock of `ttlMs`. */
export function sessionTtlMs(ttlMs: number): number {
  return Math.ceil(ttlMs / 2);
}
