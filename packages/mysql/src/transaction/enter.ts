import { randomUUID } from 'node:crypto';
import { monotonicMs } from '@holdfast/core/adapter';
import type { LockMode } from '@holdfast/core/adapter';
import { ER, errorNumber, isOutOfQueue, isRefused } from '../errors.ts';
import type { Session } from '../session.ts';
import { confirm, create, drawAndEnter, enter, renew } from '../sql.ts';
import type { Patience } from '../sql.ts';
import type { Claim, Context, Hold } from './context.ts';

/** The lock is not free: somebody holds it, or waits for it. */
export type Refused = 'refused';
/** The place was lost after the grant, or with it; the session is in no transaction that locks. */
export type Again = 'again';

/** No token is this one: the registry shows the request as waiting until the token is confirmed. */
const NO_TOKEN = -1n;
const MODES: Readonly<Record<LockMode, Buffer>> = {
  exclusive: Buffer.from('exclusive'),
  shared: Buffer.from('shared'),
};

/**
 * For a lock that is probably free: first the token, then the lock. The statement that locks reads the name's last token
 * after the lock was granted. If it is still ours, then whoever held before has a smaller one and whoever holds later will
 * draw a greater one; so this one statement grants, proves and confirms. If somebody drew in between, another token is drawn now.
 */
export async function enterFree(context: Context, claim: Claim, session: Session): Promise<Hold | Refused | Again> {
  if (!session.takesSeveral) {
    const token = await context.desk.draw(claim.name);
    return await enterWith(context, claim, session, newEntry(), token);
  }
  // Whoever has never used the tables may have to create them.
  await context.desk.prepared();
  const { name, mode, who } = claim;
  const entry = newEntry();
  const startedAt = monotonicMs();
  try {
    const answers = await session.changes(freeTextOf(context, session, mode), [name, entry, MODES[mode], ...who, name]);
    const [drawn, , , entered] = answers;
    const token = BigInt(drawn?.insertId ?? NO_TOKEN);
    // The row to lock is yet to be created.
    if (entered?.affectedRows !== 1) return await enterWith(context, claim, session, entry, token);
    if (BigInt(entered.insertId) !== token) return await confirmGrant(context, claim, session, entry);
    return await fresh(context, claim, { session, entry, token, provedAt: startedAt });
  } catch (error) {
    if (isRefused(error)) return 'refused';
    throw error;
  }
}

/** The same text comes again and again. */
function freeTextOf({ tables, freeTexts }: Context, { dialect }: Session, mode: LockMode): readonly string[] {
  const key = `${dialect.product} ${mode}`;
  const known = freeTexts.get(key);
  if (known !== undefined) return known;
  const pieces = drawAndEnter(tables, dialect, mode);
  freeTexts.set(key, pieces);
  return pieces;
}

/** Of 122 random bits. */
export function newEntry(): Buffer {
  return Buffer.from(randomUUID().replaceAll('-', ''), 'hex');
}

/** For a try, which must leave no trace when it is refused, not even a used token: first the lock, then the token. */
export async function tryEnter(context: Context, claim: Claim, session: Session): Promise<Hold | Refused | Again> {
  return await enterWith(context, claim, session, newEntry(), NO_TOKEN);
}

async function enterWith(
  context: Context,
  claim: Claim,
  session: Session,
  entry: Buffer,
  token: bigint,
): Promise<Hold | Refused | Again> {
  const startedAt = monotonicMs();
  const last = await lock(context, claim, session, entry, token);
  if (last === 'refused') return last;
  if (last === token) return await fresh(context, claim, { session, entry, token, provedAt: startedAt });
  return await confirmGrant(context, claim, session, entry);
}

/**
 * The lock is held: draws the token, then proves on the connection that holds that it has held all the while. Nothing else
 * orders tokens as grants: a holder whose connection was killed unawares could draw after its successor.
 */
export async function confirmGrant(
  context: Context,
  claim: Claim,
  session: Session,
  entry: Buffer,
): Promise<Hold | Again> {
  const { desk, tables } = context;
  const { name, limits } = claim;
  const [token] = await Promise.all([desk.draw(name), session.limit(limits)]);
  // Not the time of the grant: nobody knows how long its answer was on the way.
  const startedAt = monotonicMs();
  try {
    const { affectedRows } = await session.change(confirm(tables), [String(token), entry]);
    if (affectedRows === 1) return await fresh(context, claim, { session, entry, token, provedAt: startedAt });
  } catch (error) {
    // A thief that took us for a waiter interrupts us.
    if (!isOutOfQueue(error)) throw error;
  }
  await session.change('ROLLBACK');
  return 'again';
}

/**
 * A statement that had to be prepared first, or a row to be created, may have used up most of a short ttl on a slow network:
 * then one more proof, in one round trip.
 */
async function fresh({ tables }: Context, { request }: Claim, hold: Hold): Promise<Hold | Again> {
  const startedAt = monotonicMs();
  if (startedAt - hold.provedAt < request.ttlMs / 3) return hold;
  const rows = await hold.session.rows(renew(tables), [hold.entry], { once: true });
  return rows.length === 1 ? { ...hold, provedAt: startedAt } : 'again';
}

/** The name's last token, once its row is locked. */
async function lock(
  context: Context,
  claim: Claim,
  session: Session,
  entry: Buffer,
  token: bigint,
): Promise<bigint | Refused> {
  const { name, mode, who, request } = claim;
  const expected = String(token);
  const attempt = async (patience: Patience): Promise<bigint | Refused | undefined> => {
    const sql = enter(context.tables, session.dialect, mode, patience);
    try {
      const { affectedRows, insertId } = await session.change(sql, [entry, mode, expected, expected, ...who, name]);
      return affectedRows === 0 ? undefined : BigInt(insertId);
    } catch (error) {
      if (isRefused(error)) return 'refused';
      throw error;
    }
  };
  let last = await attempt('now');
  while (last === undefined) {
    const row = await createRow(context, session, name);
    if (row === 'refused') return row;
    // Others who were about to create the row share its lock for a moment. Who did create it outlasts them: if it were refused
    // like the rest, nobody would hold.
    last = await attempt(row === 'created' && !request.wait ? 'wait' : 'now');
  }
  return last;
}

/** In a transaction of its own, which takes no other lock. `refused`: somebody holds the row that somebody else created. */
export async function createRow(
  { tables }: Context,
  session: Session,
  name: Buffer,
): Promise<'created' | 'there' | Refused> {
  for (;;) {
    try {
      const { affectedRows } = await session.change(create(tables), [name, name]);
      await session.change('COMMIT');
      return affectedRows === 1 ? 'created' : 'there';
    } catch (error) {
      if (isRefused(error)) return 'refused';
      // Those who create it while the sweep deletes it may meet: nothing is held, so that is no deadlock of any user's.
      if (errorNumber(error) !== ER.LOCK_DEADLOCK) throw error;
    }
  }
}
