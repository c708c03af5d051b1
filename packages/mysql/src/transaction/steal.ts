import { setTimeout as delay } from 'node:timers/promises';
import { ER, errorNumber, isLost } from '../errors.ts';
import type { Session } from '../session.ts';
import { noteTheft } from '../sql.ts';
import type { Context } from './context.ts';
import { requestsOf } from './registry.ts';
import type { Registered } from './registry.ts';

const LOOK_AGAIN_MS = 5;

/**
 * Clears the way for `thief`, which waits at the end of the server's queue: ends the connections of those who hold, and
 * interrupts those who wait in front, who then enter again behind it. First the waiters, or one of them would be granted
 * the lock. Ends when the thief waits no more.
 */
export async function evict(context: Context, name: Buffer, thief: Buffer, isWaiting: () => boolean): Promise<void> {
  let inFront: ReadonlySet<string> | undefined;
  while (isWaiting()) {
    try {
      // Who is seen over a connection is killed over the same one: another one may lead to another server, with other ids.
      const desk = await context.desk.ready();
      const others = (await requestsOf(context, desk, name)).filter(({ entry }) => !entry.equals(thief));
      inFront ??= new Set(others.map(idOf));
      await clear(context, desk, others, inFront, isWaiting);
    } catch (error) {
      if (!isLost(error)) throw error;
    }
    await delay(LOOK_AGAIN_MS, undefined, { ref: false });
  }
}

async function clear(
  { tables }: Context,
  desk: Session,
  others: readonly Registered[],
  inFront: ReadonlySet<string>,
  isWaiting: () => boolean,
): Promise<void> {
  // Those who came later are behind; who enters again does so under another id.
  for (const { connection } of others.filter((other) => other.token === undefined && inFront.has(idOf(other)))) {
    await kill(desk, 'QUERY', connection);
  }
  // Whoever holds is in front, even if it came later than the first look.
  for (const { entry, connection } of others.filter(({ token }) => token !== undefined)) {
    if (!isWaiting()) return;
    // First the note: its holder looks for it when it sees its connection closed.
    await desk.change(noteTheft(tables), [entry]);
    await kill(desk, 'CONNECTION', connection);
  }
}

function idOf({ entry }: Registered): string {
  return entry.toString('hex');
}

/** One's own user's connections may be killed without any privilege. Who is gone already is gone. */
async function kill(desk: Session, what: 'QUERY' | 'CONNECTION', connection: string): Promise<void> {
  try {
    await desk.change(`KILL ${what} ${BigInt(connection)}`);
  } catch (error) {
    if (errorNumber(error) !== ER.NO_SUCH_THREAD) throw error;
  }
}
