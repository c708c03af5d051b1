import { ER, errorNumber, isRefused } from '../errors.ts';
import type { Change, Session } from '../session.ts';
import type { Context } from './context.ts';
import type { Refused } from './enter.ts';
import { creatingBoth } from './prepared.ts';

/** `alone`: it is there, and nobody shares its lock. `shared`: we made it; others who were about to may share its lock for a moment. */
export type Created = 'alone' | 'shared' | Refused;

/**
 * In a transaction of its own, which takes no other lock. `refused`: somebody holds the row that somebody else created.
 *
 * Those who create it at once meet at the token's row, and all but the first then see that of the lock, too. They meet at the latter only where
 * the former was there already.
 */
export async function createRow({ tables }: Context, session: Session, name: Buffer): Promise<Created> {
  for (;;) {
    try {
      const [token, lock] = await create(session, creatingBoth(tables, name));
      return token?.affectedRows === 0 && lock?.affectedRows === 1 ? 'shared' : 'alone';
    } catch (error) {
      if (isRefused(error)) return 'refused';
      // Those who create it while the sweep deletes it may meet: nothing is held, so that is no deadlock of any user's.
      if (errorNumber(error) !== ER.LOCK_DEADLOCK) throw error;
    }
  }
}

async function create(session: Session, both: ReturnType<typeof creatingBoth>): Promise<readonly Change[]> {
  if (session.takesSeveral) return await session.changes(...both, 'COMMIT');
  const created: Change[] = [];
  for (const each of both) created.push(await session.changePrepared(each));
  await session.change('COMMIT');
  return created;
}
