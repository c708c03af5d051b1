import { setTimeout as delay } from 'node:timers/promises';
import { isOutOfQueue } from '../errors.ts';
import type { Row, Session } from '../session.ts';
import { block, register } from '../sql.ts';
import type { Claim, Context, Hold } from './context.ts';
import { createRow } from './create-row.ts';
import { confirmGrant, newEntry } from './enter.ts';
import type { Again } from './enter.ts';
import { watchOver } from './watch.ts';

export interface Waiting {
  /** The request is in the server's queue. */
  readonly onQueued: (entry: Buffer) => void;
  /** The server granted it; the token is yet to be drawn. */
  readonly onGranted: () => void;
}

/** After which a kill is repeated, doubled each time. */
const KILL_AGAIN_MS = 2;
/** A server that does not answer a kill is not waited for. */
const INTERRUPT_MS = 1000;

/**
 * Waits in the server's own queue, by one blocked statement, for as long as it takes. `again`: the place was lost (a kill, a
 * row that was swept), and the request has to enter again. A signal that aborts, also as the grant comes, leaves nothing.
 */
export async function waitInQueue(
  context: Context,
  claim: Claim,
  session: Session,
  waiting: Waiting,
): Promise<Hold | Again> {
  const { name, mode, who, request } = claim;
  const { tables } = context;
  const { signal } = request;
  const entry = newEntry();
  await session.change(register(tables), [entry, name, mode, ...who]);
  signal.throwIfAborted();

  const blocked = session.rows(block(tables, session.dialect, mode), [name], { timeoutMs: Infinity });
  let isBlocked = true;
  const settled = blocked.then(
    () => (isBlocked = false),
    () => (isBlocked = false),
  );
  const isWaiting = (): boolean => isBlocked;
  let interrupted: Promise<void> | undefined;
  const onAbort = (): void => {
    interrupted = interrupt(context, session, settled, isWaiting);
  };
  signal.addEventListener('abort', onAbort, { once: true });
  const stopWatching = watchOver(context, session, () => waiting.onQueued(entry));
  let rows: Row[] | undefined;
  try {
    rows = await blocked;
  } catch (error) {
    if (!isOutOfQueue(error)) throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
    stopWatching();
    // A kill that is still on its way must not hit the next statement.
    await interrupted;
  }
  if (signal.aborted) throw signal.reason;
  if (rows !== undefined && rows.length > 0) {
    waiting.onGranted();
    return await confirmGrant(context, claim, session, entry);
  }
  await session.change('ROLLBACK');
  if (rows !== undefined) await createRow(context, session, name);
  return 'again';
}

/**
 * Ends the blocked statement, and waits for its end. The kill may arrive before the statement does, and is forgotten then:
 * so it is repeated. Where no answer comes the connection is given up: at its turn the server finds it closed.
 */
async function interrupt(
  { desk }: Context,
  session: Session,
  settled: Promise<unknown>,
  isWaiting: () => boolean,
): Promise<void> {
  const giveUp = setTimeout(() => session.destroy(), INTERRUPT_MS);
  giveUp.unref();
  try {
    for (let pause = KILL_AGAIN_MS; isWaiting(); pause *= 2) {
      await desk.kill('QUERY', session.id);
      await Promise.race([settled, delay(pause, undefined, { ref: false })]);
    }
  } catch {
    // The wait ends with its signal's reason, whatever kept the kill from the server.
    session.destroy();
  } finally {
    clearTimeout(giveUp);
  }
}
