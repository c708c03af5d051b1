import { randomBytes } from 'node:crypto';
import type { Operation, Outcome } from './consul.ts';
import { PlaceLostError } from './errors.ts';
import { sessionKey } from './keys.ts';
import { victimsLeft, victimsOf } from './queue.ts';
import type { Entry } from './queue.ts';

/** Of a transaction with 64 operations, two for each victim, and one more for one of them. */
const MAX_EVICTED = 25;

export interface Thief {
  readonly prefix: string;
  /** Its own key and session, as a condition and as a write. */
  readonly isInQueue: Operation;
  claim(): Operation;
  readonly read: Operation;
  transact(operations: readonly Operation[]): Promise<Outcome>;
  queueIn(outcome: Outcome & { readonly applied: true }): readonly Entry[];
  list(): Promise<readonly Entry[]>;
}

/**
 * Once a thief is in the queue, before all others, nobody else can claim the lock. Whoever held it at that moment is then
 * removed, and told through its session's key. A holder that does not know of the thief may still grant the lock by its release: so it is
 * removed only if it is there, and if not, whoever was granted the lock is looked for. The last of these transactions writes the thief's
 * key: its index is the token, greater than that of every victim.
 */
export async function steal(entries: readonly Entry[], own: Entry, thief: Thief): Promise<bigint> {
  for (let left = victimsOf(entries, own); ;) {
    const batch = left.slice(0, MAX_EVICTED);
    const isLast = batch.length === left.length;
    const outcome = await thief.transact([
      thief.isInQueue,
      ...batch.flatMap(isThere),
      ...batch.map(({ key }): Operation => ({ Verb: 'delete', Key: key })),
      ...notices(thief.prefix, batch),
      ...(isLast ? [thief.claim()] : []),
      thief.read,
    ]);
    if (outcome.applied) {
      left = left.slice(batch.length);
      if (!isLast) continue;
      const [first] = thief.queueIn(outcome);
      // A later thief stands before this one, and removes it.
      if (first?.key !== own.key) throw new PlaceLostError('Another theft came after this one');
      return BigInt(first.modified);
    }
    if (outcome.failed.includes(0)) throw new PlaceLostError('The thief is not in the queue any more');
    // A victim's session has ended, and its keys are gone with it; or it has released, and may have granted the lock.
    const entries = await thief.list();
    // Not an old list, of before the theft: others could have been granted the lock after it.
    if (!entries.some(({ key }) => key === own.key)) throw new PlaceLostError('The thief is not in the queue any more');
    left = victimsLeft(left, entries);
  }
}

/** Of those that may grant the lock: one at most, because it holds alone. */
function isThere({ key, mode, thief, session }: Entry): Operation[] {
  if (mode !== 'exclusive' || thief || session === undefined) return [];
  return [{ Verb: 'check-session', Key: key, Session: session }];
}

/** On the victim's session: that fails if it is gone. */
function notices(prefix: string, victims: readonly Entry[]): Operation[] {
  const sessions = new Set(victims.map(({ session }) => session).filter((session) => session !== undefined));
  return Array.from(sessions, (session) => ({
    Verb: 'lock',
    Key: sessionKey(prefix, session),
    Session: session,
    Value: randomBytes(6).toString('base64'),
  }));
}
