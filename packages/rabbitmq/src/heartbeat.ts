/** The smallest ttl, in ms: a third of it is left for a renewal. */
export const MIN_TTL_MS = 1000;
/** By how much the broker may exceed the ttl until it takes a silent client for dead, in ms. */
export const GRANULARITY_MS = 2000;
/** In s. Renewals come three times within a validity: often enough for any consumer timeout (30 minutes by default). */
const MAX_HEARTBEAT = 600;

/**
 * The heartbeat to ask for, in s. The broker looks once per heartbeat whether anything came, and gives a client up at the second look
 * in vain: 2 to 3 heartbeats after the last byte (rabbit_heartbeat.erl). So this is the longest with 3 h ≤ ttl + {@link GRANULARITY_MS}.
 */
export function heartbeatFor(ttlMs: number): number {
  return Math.min(Math.max(Math.floor((ttlMs + GRANULARITY_MS) / 3000), 1), MAX_HEARTBEAT);
}

/** How long after a proof of life the broker is sure to keep a hold, in ms; see {@link heartbeatFor}. At least half a ttl of up to 20 minutes. */
export function validityMs(ttlMs: number, heartbeat: number): number {
  return Math.min(ttlMs, 2000 * heartbeat);
}
