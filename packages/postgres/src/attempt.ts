import type { UnsupportedError } from '@holdfast/core/adapter';
import type { Row, Value } from './connection.ts';
import { poolsTransactions } from './errors.ts';
import type { Hold } from './hold.ts';
import type { Keys } from './keys.ts';
import type { Present } from './presence.ts';
import type { Fields } from './question.ts';
import type { LockSession } from './session.ts';
import { ELSEWHERE, UNSURE } from './sql.ts';
import type { Statement, Statements } from './sql.ts';

/** What is asked for. */
export interface Wish {
  readonly keys: Keys;
  readonly mode: Hold['mode'];
  readonly permits?: number | undefined;
}

/** Two that try for a permit at the same instant may get in each other's way: a refused try is repeated so often. */
const PERMIT_TRIES = 3;

/** One question about a name that `session` has only `present` of. `null`: not free. After an error nothing of it is left. */
export function attempt(
  session: LockSession,
  statements: Statements,
  wish: Wish,
  present: Present,
): Promise<Hold | null> {
  switch (wish.mode) {
    case 'exclusive':
      return exclusive(session, statements, wish);
    case 'shared':
      return present.onServer ? joined(session, statements, wish) : shared(session, statements, wish);
    case 'semaphore':
      return anyPermit(session, statements, wish, present);
  }
}

async function anyPermit(
  session: LockSession,
  statements: Statements,
  wish: Wish,
  present: Present,
): Promise<Hold | null> {
  for (let tries = 1; ; tries += 1) {
    const result = await permit(session, statements, statements.tryPermit, wish, present);
    if (result !== 'kept away') return result;
    if (tries === PERMIT_TRIES) return null;
  }
}

async function exclusive(session: LockSession, statements: Statements, { keys, mode }: Wish): Promise<Hold | null> {
  const { connection } = session;
  let fields: Fields | undefined;
  try {
    fields = await connection.fields(statements.tryExclusive, [keys.lock, keys.permits, connection.pid]);
  } catch (error) {
    await undo(session, error, statements.unlock, [keys.lock]);
    throw error;
  }
  const token = tokenOf(session, fields);
  return token === null ? null : { keys, mode, token: BigInt(token), session };
}

async function shared(session: LockSession, statements: Statements, { keys, mode }: Wish): Promise<Hold | null> {
  const { connection } = session;
  for (;;) {
    let fields: Fields | undefined;
    try {
      fields = await connection.fields(statements.tryShared, [keys.lock, keys.permits, connection.pid]);
    } catch (error) {
      await undo(session, error, statements.unlockShared, [keys.lock]);
      throw error;
    }
    const token = tokenOf(session, fields);
    if (token === null) return null;
    if (token !== UNSURE) return { keys, mode, token: BigInt(token), session };
    const [answer] = await connection.ask(statements.permitsTaken, [keys.permits]);
    if (answer?.['taken'] === true) return null;
  }
}

/** One more reader of a session that reads already: the server would not queue it, so it is let in only if nobody waits. */
async function joined(session: LockSession, statements: Statements, { keys, mode }: Wish): Promise<Hold | null> {
  const fields = await session.connection.fields(statements.joinShared, [keys.lock, session.connection.pid]);
  const token = tokenOf(session, fields);
  return token === null ? null : { keys, mode, token: BigInt(token), session };
}

export async function permit(
  session: LockSession,
  statements: Statements,
  statement: Statement,
  { keys, mode, permits = 1 }: Wish,
  { onServer, slots }: Present,
): Promise<Hold | null | 'kept away'> {
  const { connection } = session;
  let row: Row | undefined;
  try {
    [row] = await connection.ask(statement, [keys.lock, keys.permits, connection.pid, permits, slots, !onServer]);
  } catch (error) {
    await undo(session, error, statements.undoPermit, [keys.permits, permits, slots, !onServer]);
    throw error;
  }
  if (Number(row?.['state']) === -1) throw elsewhere(session);
  const { slot = null } = row ?? {};
  if (Number(row?.['state']) !== 1) return 'kept away';
  return slot === null ? null : { keys, mode, token: BigInt(String(row?.['token'])), session, slot: Number(slot) };
}

/** A statement that failed may have locked something before it did: session locks are not rolled back. */
async function undo(
  { connection }: LockSession,
  error: unknown,
  statement: Statement,
  values: readonly Value[],
): Promise<void> {
  // If that fails, too, nobody knows what the session holds.
  if (!connection.isLost) await connection.ask(statement, values).catch(() => connection.destroy(error));
}

function tokenOf(session: LockSession, fields: Fields | undefined): string | null {
  const token = fields?.[0] ?? null;
  if (token === ELSEWHERE) throw elsewhere(session);
  return token;
}

/** What was locked is locked in a session that is not ours; it goes with that. */
export function elsewhere(session: { readonly connection: LockSession['connection'] }): UnsupportedError {
  const error = poolsTransactions();
  session.connection.destroy(error);
  return error;
}
