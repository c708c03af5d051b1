import type { Capabilities } from '@holdfast/core/adapter';

export const capabilities: Capabilities = {
  modes: ['exclusive', 'shared', 'semaphore'],
  steal: true,
  query: true,
  fifo: true,
  wakeup: 'push',
  lease: 'grant',
  takeover: 'after-ttl',
  ttl: { minMs: 500, granularityMs: 250 },
  fencing: 'per-name',
  reach: 'network',
  durability:
    'Locks and tokens are replicated (acks=all) and survive restarts and leader changes; a leader whose clock is behind its predecessor delays takeovers by the difference, one that is ahead by more than `skewMs` ends leases early',
};
