import type { Capabilities } from '@holdfast/core/adapter';
import { GRANULARITY_MS, MIN_TTL_MS } from './heartbeat.ts';

/** With connections of our own, whose heartbeat is derived from the ttl. */
export const capabilities: Capabilities = {
  modes: ['exclusive'],
  steal: false,
  query: false,
  fifo: true,
  wakeup: 'push',
  lease: 'grant',
  takeover: 'on-disconnect',
  ttl: { minMs: MIN_TTL_MS, granularityMs: GRANULARITY_MS },
  fencing: 'per-name',
  reach: 'network',
  durability:
    'Tokens are in a quorum queue: replicated, they survive restarts and failover; a hold ends when its connection does, or the node it is connected to is cut off from the queue (its holder then knows by its deadline)',
};

/** On a connection of the user's, whose heartbeat, in s, is as it is. */
export function capabilitiesAt(heartbeat: number): Capabilities {
  const granularityMs = Math.max(GRANULARITY_MS, 3000 * heartbeat - MIN_TTL_MS);
  return { ...capabilities, ttl: { minMs: MIN_TTL_MS, granularityMs } };
}
