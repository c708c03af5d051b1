/** How a request enters the queue: waiting, only if it holds at once, or in place of the holders. */
import { grantedCount } from '@holdfast/core/adapter';
import type { Place } from '@holdfast/core/adapter';
import { mailboxOf } from './keys.ts';
import type { Entry, Snapshot } from './queue.ts';
import { noneSince, same } from './requests.ts';
import type { Condition, Operation } from './txn.ts';

export interface Plan {
  readonly compare: readonly Condition[];
  readonly success: readonly Operation[];
  readonly enters: boolean;
}

/** What to send next, from the queue as it was last seen; `null`: the request does not enter. */
export interface Entrance {
  plan(queue: string, seen: Snapshot | undefined): Plan | null;
  /** Whether a request that has entered holds. */
  readonly grants: boolean;
}

export const waiting: Entrance = {
  plan: () => ({ compare: [], success: [], enters: true }),
  grants: false,
};

/** A try leaves no trace, and is in nobody's way, not even for a moment: it enters only if it holds. */
export function trying(place: Place): Entrance {
  return {
    plan(queue, seen) {
      if (seen === undefined) return { compare: [noneSince(queue, 0n)], success: [], enters: true };
      const { entries, revision } = seen;
      if (grantedCount([...entries, place]) <= entries.length) return null;
      // Whoever left since makes it only more true.
      return { compare: [noneSince(queue, revision)], success: [], enters: true };
    },
    grants: true,
  };
}

/** A transaction has at most 128 operations and as many conditions (the server's `--max-txn-ops`). */
const MAX_EVICTED = 50;

/** Takes the place of all holders in one transaction, which fails if others hold by then. */
export function stealing(prefix: string): Entrance {
  return {
    plan(queue, seen) {
      if (seen === undefined) return { compare: [noneSince(queue, 0n)], success: [], enters: true };
      const { entries, revision } = seen;
      const count = grantedCount(entries);
      const evicted = entries.slice(0, Math.min(count, MAX_EVICTED));
      const first = entries[count];
      return {
        // The holders are the same for as long as they and the first that waits for them are there.
        compare: [...evicted.map(same), first === undefined ? noneSince(queue, revision) : same(first)],
        success: evict(prefix, evicted),
        // More holders than fit: the others go first, and the last transaction takes the lock.
        enters: evicted.length === count,
      };
    },
    grants: true,
  };
}

function evict(prefix: string, evicted: readonly Entry[]): Operation[] {
  const bySession = new Map<string, string[]>();
  for (const { lease, key } of evicted) bySession.set(lease, [...(bySession.get(lease) ?? []), key]);
  const notices = [...bySession].filter(([lease]) => lease !== '0');
  return [
    ...evicted.map(({ key }) => ({ request_delete_range: { key: Buffer.from(key) } })),
    ...notices.map(([lease, keys]) => ({
      // On the victim's lease: it goes with the victim, and fails if that is gone (as its keys are by then).
      request_put: { key: Buffer.from(mailboxOf(prefix, lease)), value: Buffer.from(JSON.stringify(keys)), lease },
    })),
  ];
}
