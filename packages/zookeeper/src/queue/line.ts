import { setTimeout as delay } from 'node:timers/promises';
import { Code } from '../errors.ts';
import { getData } from '../protocol/operations.ts';
import { hasCode } from './codes.ts';
import type { Entry } from './entry.ts';
import type { QueueNode } from './node-name.ts';
import { viewWithout } from './sure.ts';
import type { View } from './view.ts';
import { untilRung } from './wake-up.ts';

/**
 * The same event grants the lock to the one ahead. Where the two share a machine, that one goes first: its grant is waited for, and this
 * look is not. In ms.
 */
const HEAD_START_MS = 1;

/** The end of `ahead` may be the grant; that of `beyond`, if there is one, lets it become so. */
export interface Line {
  readonly ahead: QueueNode;
  readonly beyond: QueueNode | undefined;
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
export async function changeInLine(entry: Entry, line: Line, signal: AbortSignal): Promise<View | undefined> {
  if (line.beyond !== undefined && !(await isBeyondGone(entry, line.ahead, line.beyond, signal))) return undefined;
  return await untilRung(entry, signal, (bell) => viewWithout(entry, line.ahead, bell));
}

async function isBeyondGone(entry: Entry, ahead: QueueNode, beyond: QueueNode, signal: AbortSignal): Promise<boolean> {
  const { session, container } = entry;
  const [aheadPath, beyondPath] = [`${container.path}/${ahead.name}`, `${container.path}/${beyond.name}`];
  return await untilRung(entry, signal, async (bell) => {
    let isAheadChanged = false;
    bell.watch('data', aheadPath, () => {
      isAheadChanged = true;
      bell.ring();
    });
    const beyondGone = new Promise<void>((resolve) => bell.watch('data', beyondPath, () => resolve()));
    try {
      await Promise.all([session.call(getData(aheadPath, true)), session.call(getData(beyondPath, true))]);
    } catch (error) {
      if (hasCode(error, Code.noNode)) return false;
      throw error;
    }
    await Promise.race([bell.rung, beyondGone.then(() => delay(HEAD_START_MS, undefined, { ref: false }))]);
    return !isAheadChanged;
  });
}
