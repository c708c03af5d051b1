import { randomUUID } from 'node:crypto';
import { monotonicMs } from '@holdfast/core/adapter';
import type { LockMode } from '@holdfast/core/adapter';
import { isOutOfQueue, isRefused } from '../errors.ts';
import type { Prepared, Session } from '../session.ts';
import { creatingIfDrawnFirst, drawing } from './prepared.ts';
import { confirm, DRAWN, enter, renew } from '../sql.ts';
import type { Patience } from '../sql.ts';
import type { Claim, Context, Hold } from './context.ts';
import { createRow } from './create-row.ts';
import { Reserve } from './reserve.ts';
import type { Drawn } from './reserve.ts';

/** The lock is not free: somebody holds it, or waits for it. */
export type Refused = 'refused';
/** The place was lost after the grant, or with it; the session is in no transaction that locks. */
export type Again = 'again';

/** No name's last token is this one: the registry shows the request as waiting until its token is confirmed. */
const NONE: Drawn = { token: -1n, last: -1n };
const MODES: Readonly<Record<LockMode, Buffer>> = {
  exclusive: Buffer.from('exclusive'),
  shared: Buffer.from('shared'),
};
/** On the connection that has just drawn. */
const LAST_DRAWN = 'LAST_INSERT_ID()';
const FIRST_DRAWN = `${LAST_DRAWN} - ${DRAWN - 1}`;

/**
 * For a lock that is probably free: first the token, then the lock. The statement that locks reads the name's last token
 * after the lock was granted. If that is still what we drew, then whoever held before has a smaller one and whoever holds later will
 * draw a greater one; so this one statement grants, proves and confirms. If somebody drew in between, another token is drawn now.
 *
 * A draw brings several: what is left of them needs no other, for as long as nobody draws.
 */
export async function enterFree(context: Context, claim: Claim, session: Session): Promise<Hold | Refused | Again> {
  const left = Reserve.of(session).peek(claim.request.name);
  if (left !== undefined) return await enterWith(context, claim, session, newEntry(), left);
  if (!session.takesSeveral) {
    const drawn = drawnTo(await context.desk.draw(claim.name));
    return await enterWith(context, claim, session, newEntry(), drawn);
  }
  // Whoever has never used the tables may have to create them.
  await context.desk.prepared();
  const { tables, known } = context;
  const { name } = claim;
  const entry = newEntry();
  const startedAt = monotonicMs();
  try {
    const answers = await session.changes(
      drawing(tables, name),
      ...(known.has(claim.request.name) ? [] : [creatingIfDrawnFirst(tables, name)]),
      'COMMIT',
      entering(context, claim, session, { entry, last: LAST_DRAWN, token: FIRST_DRAWN }),
    );
    const [drew, entered] = [answers[0], answers.at(-1)];
    const drawn = drawnTo(BigInt(drew?.insertId ?? -1));
    known.add(claim.request.name);
    // The row to lock has been swept.
    if (entered?.affectedRows !== 1) return await enterWith(context, claim, session, entry, drawn);
    return await granted(context, claim, { session, entry, provedAt: startedAt }, drawn, BigInt(entered.insertId));
  } catch (error) {
    if (isRefused(error)) return 'refused';
    throw error;
  }
}

function drawnTo(last: bigint): Drawn {
  return { token: last - BigInt(DRAWN - 1), last };
}

/** `last`, `token`: digits, or what says them to the server. */
function entering(
  { tables }: Context,
  { mode, who, name }: Claim,
  { dialect }: Session,
  how: { readonly entry: Buffer; readonly last: string; readonly token: string; readonly patience?: Patience },
): Prepared {
  const { entry, last, token, patience = 'now' } = how;
  return {
    name: `holdfast_${mode}_${patience}`,
    sql: () => enter(tables, dialect, mode, patience),
    values: [entry, MODES[mode], last, token, ...who, name],
  };
}

/** Of 122 random bits. */
export function newEntry(): Buffer {
  return Buffer.from(randomUUID().replaceAll('-', ''), 'hex');
}

/**
 * For a try, which must leave no trace when it is refused, not even a used token: first the lock, then the token, if none is left that was
 * drawn before.
 */
export async function tryEnter(context: Context, claim: Claim, session: Session): Promise<Hold | Refused | Again> {
  const left = Reserve.of(session).peek(claim.request.name);
  return await enterWith(context, claim, session, newEntry(), left ?? NONE);
}

async function enterWith(
  context: Context,
  claim: Claim,
  session: Session,
  entry: Buffer,
  drawn: Drawn,
): Promise<Hold | Refused | Again> {
  const startedAt = monotonicMs();
  const last = await lock(context, claim, session, entry, drawn);
  if (last === 'refused') return last;
  return await granted(context, claim, { session, entry, provedAt: startedAt }, drawn, last);
}

/** The lock is held; `last` is the name's last token, read since. */
async function granted(
  context: Context,
  claim: Claim,
  hold: Omit<Hold, 'token'>,
  drawn: Drawn,
  last: bigint,
): Promise<Hold | Again> {
  const { session, entry } = hold;
  const reserve = Reserve.of(session);
  if (last !== drawn.last) {
    reserve.stale(drawn);
    return await confirmGrant(context, claim, session, entry);
  }
  reserve.used(claim.request.name, drawn);
  return await fresh(context, claim, { ...hold, token: drawn.token });
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
  const { name, limits, request } = claim;
  const [last] = await Promise.all([desk.draw(name), session.limit(limits)]);
  const drawn = drawnTo(last);
  const { token } = drawn;
  // Not the time of the grant: nobody knows how long its answer was on the way.
  const startedAt = monotonicMs();
  try {
    const { affectedRows } = await session.change(confirm(tables), [String(token), entry]);
    if (affectedRows === 1) {
      Reserve.of(session).used(request.name, drawn);
      return await fresh(context, claim, { session, entry, token, provedAt: startedAt });
    }
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
  drawn: Drawn,
): Promise<bigint | Refused> {
  const { name, request } = claim;
  const [expected, token] = [String(drawn.last), String(drawn.token)];
  const attempt = async (patience: Patience): Promise<bigint | Refused | undefined> => {
    const asked = entering(context, claim, session, { entry, last: expected, token, patience });
    try {
      const { affectedRows, insertId } = await session.changePrepared(asked);
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
    // If who made it were refused like those who share its lock, nobody would hold: it outlasts them.
    last = await attempt(row === 'shared' && !request.wait ? 'wait' : 'now');
  }
  return last;
}
