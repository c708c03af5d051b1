import type { Capabilities } from '@holdfast/core/adapter';

export const capabilities: Capabilities = {
  modes: ['exclusive', 'shared', 'semaphore'],
  steal: true,
  query: true,
  fifo: true,
  wakeup: 'poll',
  lease: 'grant',
  takeover: 'after-ttl',
  ttl: { minMs: 200, granularityMs: 500 },
  fencing: 'per-name',
  reach: 'network',
  durability:
    'Locks and tokens are committed rows and survive a restart if innodb_flush_log_at_trx_commit is 1; a failover that loses rows may grant a lock twice, with growing tokens unless the server clock goes back too',
};
