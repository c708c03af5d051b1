import type { Capabilities } from '@holdfast/core/adapter';

/**
 * The server counts leases in whole seconds, looks for expired ones every half second, and grants none shorter than one and
 * a half election timeouts (2 s with the default of 1 s).
 */
export const capabilities: Capabilities = {
  modes: ['exclusive', 'shared', 'semaphore'],
  steal: true,
  query: true,
  fifo: true,
  wakeup: 'push',
  lease: 'session',
  takeover: 'after-ttl',
  ttl: { minMs: 2000, granularityMs: 2000 },
  fencing: 'global',
  reach: 'network',
  durability:
    'Locks and tokens are replicated by Raft and survive restarts and leader changes; a new leader gives every lease its full ttl again',
};
