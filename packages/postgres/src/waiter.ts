import { setTimeout as delay } from 'node:timers/promises';
import { monotonicMs } from '@holdfast/core/adapter';
import type { LockRequest, Sessions } from '@holdfast/core/adapter';
import type { Connection } from './connection.ts';
import { entryOf } from './hold.ts';
import type { Entry, Hold } from './hold.ts';
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

/** Waits in `line`. After an abort nothing is left of it, and it rejects with the signal's reason. */
export async function waitIn(
  line: Line,
  request: LockRequest,
  context: WaitContext,
): Promise<Granted & { readonly entry: Entry }> {
  const { keys, sessions, registry, statements } = context;
  // A request that is not to be renewed waits like others: its ttl begins with its grant.
  const scribe = await sessions.use(request.ttlMs, true);
  let own: LockSession | undefined;
  const entry = entryOf(request, monotonicMs(), { type: 'pending', session: scribe, keys, asker: undefined });
  let hasTold = false;
  const tell = (): void => {
    if (!hasTold && entry.state.type === 'pending' && !request.signal.aborted) request.onContended();
    hasTold = true;
  };
  try {
    request.signal.throwIfAborted();
    const granted = await new Promise<Granted>((resolve, reject) => {
      const waiter: Waiter = {
        request,
        entry,
        session: async () => {
          if (own !== undefined && own !== scribe && own.isOver) sessions.done(own);
          if (own === undefined || own.isOver) own = await sessions.use(request.ttlMs, request.renew);
          if (!request.renew) await own.lease.renew();
          return own;
        },
        onAsked: ({ pid }) => {
          // Its row may be written already, with nobody in the server's queue.
          if (entry.written !== undefined) registry.track(entry);
          untilWaiting(scribe, statements, pid, () => !hasTold && entry.state.type === 'pending').then(tell, tell);
        },
        tell,
        resolve,
        reject,
      };
      const onAbort = (): void => {
        line.leave(waiter).then((left) => left && reject(request.signal.reason), reject);
      };
      request.signal.addEventListener('abort', onAbort, { once: true });
      line.enter(waiter);
      registry.track(entry);
      // Behind others of this process the server need not be asked.
      if (!line.isFirst(waiter)) queueMicrotask(tell);
    });
    const { hold, done } = granted;
    const session = own;
    own = undefined;
    if (session !== undefined && hold.session !== session) sessions.done(session);
    // Its own connection is free again with the release; a session for many is used until then.
    const over = hold.session === session ? () => sessions.done(session) : () => (hold.session.end(), done());
    return { hold, entry, done: over };
  } catch (error) {
    if (own !== undefined) sessions.done(own);
    await unlist(scribe, registry, statements, entry);
    throw error;
  } finally {
    sessions.done(scribe);
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

async function unlist(scribe: LockSession, registry: Registry, statements: Statements, entry: Entry): Promise<void> {
  const owner = registry.untrack(entry);
  await entry.written;
  // If the session is over, the row counts for nothing.
  if (owner !== undefined) await scribe.connection.ask(statements.unlist, [owner]).catch(() => undefined);
}
