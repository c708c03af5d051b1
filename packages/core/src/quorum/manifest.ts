import type { Capabilities, LockBackend } from '../contract.ts';

/** Who waits asks again after a random time of at most this, in ms. */
export const POLL_MS = 250;

const reaches: readonly Capabilities['reach'][] = ['process', 'host', 'network'];

/** What a quorum of these promises: the least that any of them does. */
export function manifestOf(members: readonly LockBackend[]): Capabilities {
  const each = members.map(({ capabilities }) => capabilities);
  const least = Math.min(...each.map(({ reach }) => reaches.indexOf(reach)));
  return {
    // Readers that come before the last one goes would keep a writer out forever: nobody has a place in a queue here.
    modes: ['exclusive'],
    steal: false,
    query: false,
    fifo: false,
    wakeup: 'poll',
    lease: 'grant',
    takeover: 'after-ttl',
    ttl: {
      minMs: Math.max(...each.map(({ ttl }) => ttl.minMs)),
      granularityMs: Math.max(...each.map(({ ttl }) => ttl.granularityMs)) + POLL_MS,
    },
    fencing: 'per-name',
    reach: reaches[least] ?? 'process',
    durability:
      'Locks and tokens outlast the loss of any minority of the members; one that was restarted or emptied does not vote until every vote it may have given is over',
  };
}
