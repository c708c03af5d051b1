import { setTimeout as delay } from 'node:timers/promises';
import type { Session } from '../session.ts';
import { activity } from '../sql.ts';
import type { Context } from './context.ts';

/** While a statement waits for a row lock, its session is in this state (`statistics` in MySQL). */
const BLOCKED = 'statistics';
const FIRST_LOOK_MS = 2;
/** A statement that runs for so long waits, whatever the server calls it. */
const LONGEST_START_MS = 30;
/** How often a wait is looked after, and how long its answer may then be on the way. */
const HEARTBEAT_MS = 5000;
const ANSWER_MS = 1000;

/**
 * Looks after the blocked statement of `session`, over another connection, until the returned function is called.
 *
 * Says that the request is queued once the server does so: from then on nobody overtakes it. (Sending the statement proves
 * nothing: it may be read after others that were sent later on other connections.) And ends the session if the server does
 * not know it any more or has long answered: a connection that a router forgot would wait for ever.
 */
export function watchOver(context: Context, session: Session, queued: () => void): () => void {
  const stop = new AbortController();
  const watch = async (): Promise<void> => {
    await untilQueued(context, session, stop.signal);
    queued();
    await whileBlocked(context, session, stop.signal);
  };
  // It ends by the stop.
  watch().catch(() => undefined);
  return () => stop.abort();
}

async function untilQueued(context: Context, session: Session, signal: AbortSignal): Promise<void> {
  for (let pause = FIRST_LOOK_MS; ; pause *= 2) {
    const state = await stateOf(context, session);
    signal.throwIfAborted();
    if (state === BLOCKED || (state !== undefined && pause > LONGEST_START_MS)) return;
    await delay(pause, undefined, { ref: false, signal });
  }
}

async function whileBlocked(context: Context, session: Session, signal: AbortSignal): Promise<void> {
  for (let misses = 0; misses < 2;) {
    await delay(misses === 0 ? HEARTBEAT_MS : ANSWER_MS, undefined, { ref: false, signal });
    const state = await stateOf(context, session).catch(() => undefined);
    misses = state === undefined ? misses + 1 : 0;
  }
  signal.throwIfAborted();
  session.destroy();
}

/** What the server does for the session: `undefined` if nothing, or if there is no such session. */
async function stateOf({ desk }: Context, session: Session): Promise<string | undefined> {
  const [row] = await desk.rows(activity(session.dialect), [session.id]);
  const [command, state] = row ?? [];
  return command === 'Execute' || command === 'Query' ? String(state).toLowerCase() : undefined;
}
