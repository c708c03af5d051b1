import { setTimeout as delay } from 'node:timers/promises';
import { BackendUnavailableError } from '@holdfast/core/adapter';
import type { LockRequest } from '@holdfast/core/adapter';
import type { Connection } from './connection.ts';
import { isPrivilegeMissing } from './errors.ts';
import type { Keys } from './keys.ts';
import type { LockSession, SessionContext } from './session.ts';
import { BlockedWait, confirmed } from './wait.ts';
import type { Granted } from './waiter.ts';

/** A holder that has not given the lock up by then is frozen, or no Holdfast: its session is ended. In ms. */
const GRACE_MS = 250;
const PAUSE_MS = 20;

/**
 * Goes to the end of the server's queue, sends all who wait before it behind itself, and takes the lock from its holders.
 * `scribe` does that meanwhile. `undefined`: somebody got in between, begin again.
 */
export async function steal(
  context: SessionContext,
  scribe: LockSession,
  keys: Keys,
  request: LockRequest,
): Promise<Granted | undefined> {
  const connection = await context.connections.take();
  const give = (): void => context.connections.give(connection);
  const wait = new BlockedWait(context, connection, keys, 'exclusive');
  let isAnswered = false;
  const answer = wait.result.finally(() => void (isAnswered = true));
  answer.catch(() => undefined);
  try {
    await evictAll(context, scribe, keys, connection, () => isAnswered || request.signal.aborted);
    request.signal.throwIfAborted();
    if (!(await answer)) return (give(), undefined);
    const { session, token } = await confirmed(context, connection, request);
    const done = (): void => {
      session.end();
      give();
    };
    return { hold: session.adopt(keys, 'exclusive', token), done };
  } catch (error) {
    await wait.cancel();
    // It may have been granted all the same. If that can't be given back, it ends with the connection.
    const unlocked = connection.ask(context.statements.unlockAll, [connection.id]);
    await unlocked.then(give, (reason: unknown) => connection.destroy(reason));
    throw error;
  }
}

async function evictAll(
  { statements }: SessionContext,
  { connection: scribe }: LockSession,
  keys: Keys,
  { pid }: Connection,
  isOver: () => boolean,
): Promise<void> {
  const startedAt = performance.now();
  try {
    while (!isOver()) {
      const terminate = performance.now() - startedAt > GRACE_MS;
      await scribe.ask(statements.evict, [keys.lock, keys.permits, pid, keys.channel, terminate]);
      await delay(PAUSE_MS, undefined, { ref: false });
    }
  } catch (cause) {
    if (!isPrivilegeMissing(cause)) throw cause;
    throw new BackendUnavailableError(
      'The user of these locks may not signal the sessions of others, which a theft from them needs: grant it pg_signal_backend, ' +
        'or let all clients be the same user',
      { cause },
    );
  }
}
