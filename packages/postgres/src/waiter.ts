import { setTimeout as delay } from 'node:timers/promises';
import { monotonicMs } from '@holdfast/core/adapter';
import type { LockRequest, Sessions } from '@holdfast/core/adapter';
import type { Connection } from './connection.ts';
import { entryOf } from './hold.ts';
import type { Entry, EntryState, Hold } from './hold.ts';
import type { Keys } from './keys.ts';
import type { Line } from './line.ts';
import type { Registry } from './registry.ts';
import type { LockSession } from './session.ts';
import type { Statements } from './sql.ts';

/** What a waiter gets. `done`: to be called once nothing is held any more. */
export interface Granted {
  readonly hold: Hold;
  readonly done: () => void;
}

export interface Waited extends Granted {
  readonly entry: Entry;
}

/** A request in a process's own queue for a name. */
export interface Waiter {
  readonly request: LockRequest;
  /** In the registry. */
  readonly entry: Entry;
  /** The session for what is granted to no connection of its own; another one if that was lost. */
  session(): Promise<LockSession>;
  /** The server's process that is blocked for it, or about to be. */
  onAsked(connection: Connection): void;
  /** It is certain that it must wait. */
  tell(): void;
  readonly resolve: (granted: Granted) => void;
  readonly reject: (error: unknown) => void;
}

const PAUSE_MS = 2;

interface WaitContext {
  readonly keys: Keys;
  readonly sessions: Sessions<LockSession>;
  readonly registry: Registry;
  readonly statements: Statements;
}

/** In `line` when it returns. After an abort nothing is left of it, and it rejects with the signal's reason. */
export async function waitIn(line: Line, request: LockRequest, context: WaitContext): Promise<Waited> {
  const { keys, sessions, registry, statements } = context;
  const { signal, ttlMs, renew } = request;
  const state: EntryState = { type: 'pending', session: undefined, keys, asker: undefined };
  const entry = entryOf(request, monotonicMs(), state);
  const isPending = (): boolean => entry.state === state;
  let hasTold = false;
  const tell = (): void => {
    if (!hasTold && isPending() && !signal.aborted) request.onContended();
    hasTold = true;
  };

  // Writes it down, and asks about it. A request that is not to be renewed waits like others: its ttl begins with its grant.
  const scribing = sessions.use(ttlMs, true);
  const written = scribing.then((scribe) => {
    state.session = scribe;
    if (isPending()) registry.track(entry);
  });
  // Without a connection for that it only is not shown.
  written.catch(() => undefined);
  // The session of what is granted to no connection of its own.
  let own: LockSession | undefined;
  const ownSession = async (): Promise<LockSession> => {
    if (own?.isOver === true) {
      sessions.done(own);
      own = undefined;
    }
    own ??= await sessions.use(ttlMs, renew);
    if (!renew) await own.lease.renew();
    return own;
  };

  try {
    const { hold, done } = await new Promise<Granted>((resolve, reject) => {
      const onAsked = ({ pid }: Connection): void => {
        // Its row may be written already, with nobody in the server's queue.
        if (entry.written !== undefined) registry.track(entry);
        const asking = scribing.then((scribe) => untilWaiting(scribe, statements, pid, () => !hasTold && isPending()));
        asking.then(tell, tell);
      };
      const waiter: Waiter = { request, entry, session: ownSession, onAsked, tell, resolve, reject };
      const onAbort = (): void => {
        line.leave(waiter).then((left) => left && reject(signal.reason), reject);
      };
      signal.addEventListener('abort', onAbort, { once: true });
      line.enter(waiter);
      // Behind others of this process the server need not be asked.
      if (!line.isFirst(waiter)) queueMicrotask(tell);
    });
    // A session for many is used until the release. A connection of its own is free again with it.
    if (hold.session === own) {
      const { session } = hold;
      own = undefined;
      return { hold, entry, done: () => sessions.done(session) };
    }
    const over = (): void => {
      hold.session.end();
      done();
    };
    return { hold, entry, done: over };
  } catch (error) {
    const owner = registry.untrack(entry);
    if (owner !== undefined) await unlist(state.session, entry);
    throw error;
  } finally {
    if (own !== undefined) sessions.done(own);
    scribing.then((scribe) => sessions.done(scribe)).catch(() => undefined);
  }
}

/** The request tells that it waits once it does: who is told so may count on its place. */
async function untilWaiting(
  { connection }: LockSession,
  statements: Statements,
  pid: number,
  isPending: () => boolean,
): Promise<void> {
  while (isPending()) {
    const [row] = await connection.ask(statements.isWaiting, [pid]);
    if (row?.['waits'] === true) return;
    await delay(PAUSE_MS, undefined, { ref: false });
  }
}

async function unlist(scribe: LockSession | undefined, { owner, written }: Entry): Promise<void> {
  await written;
  // If the session is over, the row counts for nothing.
  await scribe?.ledger.unlist(owner);
}
