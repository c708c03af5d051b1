import { setTimeout as delay } from 'node:timers/promises';
import { getData } from '../protocol/operations.ts';
import type { ZooKeeperSession } from '../session/session.ts';
import type { Entry } from './entry.ts';
import type { KnownQueue } from './known.ts';
import type { QueueNode } from './node-name.ts';
import { Foresight, orNothing } from './sure.ts';
import type { View } from './view.ts';
import { untilRung } from './wake-up.ts';

/**
 * The same event grants the lock to the one ahead. Where the two share a machine, that one goes first: its grant is waited for, and this
 * look is not. In ms.
 */
const HEAD_START_MS = 2;
/** A lock that is held for less changes hands before that look could be of use, in ms. */
const BRIEF_MS = 3;

/** The end of `ahead` may be the grant; that of `beyond`, if there is one, lets it become so. */
export interface Line {
  readonly ahead: QueueNode;
  readonly beyond: QueueNode | undefined;
}

/**
 * `false` in a session whose locks are held so briefly that what is prepared comes too late, and only costs: locks that are waited for
 * mostly are held for as long as the last one was. Either way is right.
 */
export function isWorthwhile({ lastHeldMs }: ZooKeeperSession): boolean {
  return lastHeldMs >= BRIEF_MS;
}

/**
 * Where a request stands that can be granted by an event alone; `undefined` for one that has to look at the queue then.
 *
 * - Both it and the one ahead are exclusive: others hold together with their neighbours.
 * - They are of two sessions. A session's nodes all go in one transaction, so of one's own the end of the one ahead does not say that
 *   the request's node is still there.
 * - Its token is its czxid. Otherwise it needs a transaction anyway.
 */
export function lineOf({ name, czxid }: Pick<Entry, 'name' | 'czxid'>, { order, floor }: View): Line | undefined {
  const index = order.findIndex((node) => node.name === name);
  const [self, ahead] = [order[index], order[index - 1]];
  if (self?.mode !== 'exclusive' || ahead?.mode !== 'exclusive') return undefined;
  if (self.session === ahead.session || czxid <= floor) return undefined;
  return { ahead, beyond: order[index - 2] };
}

/**
 * Waits for the one ahead to go. Resolves with the queue as it was then, or later; `undefined`: look again.
 *
 * When the one before it goes, the one ahead holds. From then on its end can be the grant, if the request has seen that by then. It
 * looks while the other one works, which keeps that look out of the hand-over.
 */
export function changeInLine(
  entry: Entry,
  { ahead, beyond }: Line,
  known: KnownQueue,
  signal: AbortSignal,
): Promise<View | undefined> {
  const { session, container } = entry;
  return untilRung(entry, signal, async (bell) => {
    const connection = await session.connection();
    const foresight = new Foresight(entry, { ahead, known }, connection, bell);
    if (beyond !== undefined) {
      const path = `${container.path}/${beyond.name}`;
      const gone = new Promise<void>((resolve) => {
        bell.watch('data', path, (isGone) => {
          if (isGone) known.isGone(beyond.name);
          resolve();
        });
      });
      const watched = orNothing(connection.request(getData(path, true)));
      const [isAheadThere, there] = await Promise.all([foresight.aheadWatched, watched]);
      if (!isAheadThere || there === undefined) return undefined;
      await Promise.race([bell.rung, gone.then(() => delay(HEAD_START_MS, undefined, { ref: false }))]);
      if (foresight.isOver) return undefined;
    }
    return await foresight.wait();
  });
}
