import { setTimeout as delay } from 'node:timers/promises';
import { ER, errorNumber } from '../errors.ts';
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
  const inFront = new Set((await othersOf(context, name, thief)).map(idOf));
  while (isWaiting()) {
    const others = await othersOf(context, name, thief);
    // Those who came later are behind; who enters again does so under another id.
    for (const { connection } of others.filter((other) => other.token === undefined && inFront.has(idOf(other)))) {
      await kill(context, 'QUERY', connection);
    }
    // Whoever holds is in front, even if it came later than that look.
    for (const { entry, connection } of others.filter(({ token }) => token !== undefined)) {
      if (!isWaiting()) return;
      // First the note: its holder looks for it when it sees its connection closed.
      await context.desk.change(noteTheft(context.tables), [entry]);
      await kill(context, 'CONNECTION', connection);
    }
    await delay(LOOK_AGAIN_MS, undefined, { ref: false });
  }
}

async function othersOf(context: Context, name: Buffer, thief: Buffer): Promise<Registered[]> {
  return (await requestsOf(context, name)).filter(({ entry }) => !entry.equals(thief));
}

function idOf({ entry }: Registered): string {
  return entry.toString('hex');
}

/** One's own user's connections may be killed without any privilege. Who is gone already is gone. */
async function kill({ desk }: Context, what: 'QUERY' | 'CONNECTION', connection: string): Promise<void> {
  try {
    await desk.change(`KILL ${what} ${BigInt(connection)}`);
  } catch (error) {
    if (errorNumber(error) !== ER.NO_SUCH_THREAD) throw error;
  }
}
