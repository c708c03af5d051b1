import type { Capabilities } from '@holdfast/core/adapter';

/** ZooKeeper's own default, in ms. */
export const DEFAULT_TICK_MS = 2000;
/** `minSessionTimeout`, unless the servers are configured otherwise. In ticks. */
const MIN_SESSION_TICKS = 2;
/** A session ends at the first tick after its timeout; and the leader hears of it half a tick late. In ticks. */
const LATE_TICKS = 1.5;

/** What the servers promise depends on their `tickTime`. */
export function capabilitiesOf(tickMs: number): Capabilities {
  return {
    modes: ['exclusive', 'shared', 'semaphore'],
    steal: true,
    query: true,
    fifo: true,
    wakeup: 'push',
    lease: 'session',
    takeover: 'after-ttl',
    ttl: { minMs: tickMs * MIN_SESSION_TICKS, granularityMs: tickMs * LATE_TICKS },
    fencing: 'global',
    reach: 'network',
    durability:
      'Sessions, queues and tokens are in the replicated log: a restart or a change of the leader keeps them, and gives every session its whole timeout again',
  };
}
