import type { Capabilities } from '@holdfast/core/adapter';

/** The server counts idle time in whole seconds. */
export const capabilities: Capabilities = {
  modes: ['exclusive', 'shared'],
  steal: true,
  query: true,
  fifo: true,
  wakeup: 'push',
  lease: 'grant',
  takeover: 'on-disconnect',
  ttl: { minMs: 1000, granularityMs: 1000 },
  fencing: 'per-name',
  reach: 'network',
  durability:
    'A restart or failover of the server ends all locks; tokens are committed rows, drawn no less than the server clock, so they grow on, also after a failover that loses rows unless the clock goes back too',
};
