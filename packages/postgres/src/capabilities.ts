import type { Capabilities } from '@holdfast/core/adapter';

/** The server ends an idle session a timer's slack after its bound; the rest is for a busy machine. */
export const capabilities: Capabilities = {
  modes: ['exclusive', 'shared', 'semaphore'],
  steal: true,
  query: true,
  fifo: true,
  wakeup: 'push',
  lease: 'session',
  takeover: 'on-disconnect',
  ttl: { minMs: 100, granularityMs: 200 },
  fencing: 'global',
  reach: 'network',
  durability:
    'Locks end with the server process; tokens are flushed before they are handed out, and survive crashes. After a failover to an asynchronous replica tokens may repeat',
};
