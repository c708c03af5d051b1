import { Code, ConnectionLossError } from '../errors.ts';
import { getChildren, getData } from '../protocol/operations.ts';
import type { Children } from '../protocol/operations.ts';
import { hasCode } from './codes.ts';
import type { Entry } from './entry.ts';
import { viewOfChildren } from './look.ts';
import type { QueueNode } from './node-name.ts';
import type { View } from './view.ts';
import type { WakeUp } from './wake-up.ts';

/**
 * Waits until `ahead` is gone, and resolves with the queue of that very moment: known, not asked for. Resolves with `undefined` where
 * it can't be known, and with what it saw first if the request is not next after all.
 *
 * On one connection the server answers, and tells of changes, in the order of the transactions. So if the container, the request's own node
 * and `ahead` are watched there, in a queue that begins with `ahead` and the request, and the first that is heard of
 * any of them is that `ahead` is gone, then the queue begins with the request:
 *
 * - its node was there, or its end would have been told before. So the session was alive;
 * - no thief had come between, for a thief says so in the container in the transaction in which it enters. One that comes
 *   later finds the request first in the queue, and steals from it;
 * - no later token than those of the view was given, other than as a czxid below the request's own: that changes the container, too.
 */
export async function viewWithout(entry: Entry, ahead: QueueNode, bell: WakeUp): Promise<View | undefined> {
  const { session, container, path, name } = entry;
  const connection = await session.connection();
  const aheadPath = `${container.path}/${ahead.name}`;
  let isOther = false;
  let view: View | undefined;
  let then: View | undefined;
  bell.watch('data', container.path, () => {
    isOther = true;
  });
  bell.watch('data', path, () => {
    isOther = true;
    bell.ring();
  });
  bell.watch('data', aheadPath, (isGone) => {
    // By the clock: a process that was frozen for longer than its session lives reads this before its timers have run.
    const isSure = isGone && !isOther && connection.isOpen && session.lease.remainingMs > 0;
    if (isSure && view !== undefined) then = { ...view, order: view.order.slice(1), entered: without(ahead, view) };
    bell.ring();
  });
  // The queue last: whatever happens after it is told.
  const watched = [container.path, path, aheadPath].map((each) => connection.request(getData(each, true)));
  const children = await answered(connection.request(getChildren(container.path, false)), watched);
  const seen = children && (await viewOfChildren(session, container.path, children));
  if (seen?.order[0]?.name !== ahead.name || seen.order[1]?.name !== name || entry.czxid <= seen.floor) return seen;
  view = seen;
  await bell.rung;
  return then;
}

function without(gone: QueueNode, { entered }: View): QueueNode[] {
  return entered.filter((node) => node.name !== gone.name);
}

/** `undefined`: one of the nodes is gone, or the connection. */
async function answered(asked: Promise<Children>, watched: readonly Promise<unknown>[]): Promise<Children | undefined> {
  try {
    const [children] = await Promise.all([asked, ...watched]);
    return children;
  } catch (error) {
    if (error instanceof ConnectionLossError || hasCode(error, Code.noNode)) return undefined;
    throw error;
  }
}
