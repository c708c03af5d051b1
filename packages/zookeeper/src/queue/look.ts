import { Code } from '../errors.ts';
import { getChildren, getData } from '../protocol/operations.ts';
import type { Children } from '../protocol/operations.ts';
import type { ZooKeeperSession } from '../session/session.ts';
import { hasCode } from './codes.ts';
import { isExhausted } from './node-name.ts';
import { nodesOf, viewOf } from './view.ts';
import type { View } from './view.ts';

/** The queue under `path`, as the session's server has it. With `watch`, one event follows when a node comes or goes. */
export async function look(session: ZooKeeperSession, path: string, watch = false): Promise<View> {
  for (;;) {
    const view = await viewOfChildren(session, path, await session.call(getChildren(path, watch)));
    if (view !== undefined) return view;
  }
}

/** `undefined`: look again. */
export async function viewOfChildren(
  session: ZooKeeperSession,
  path: string,
  children: Children,
): Promise<View | undefined> {
  const nodes = nodesOf(children, path);
  if (!nodes.some(isExhausted)) return viewOf(nodes, children.stat.mzxid);
  try {
    const stats = await Promise.all(
      nodes.map(async ({ name }) => (await session.call(getData(`${path}/${name}`, false))).stat),
    );
    return viewOf(
      nodes,
      children.stat.mzxid,
      stats.map(({ czxid }) => czxid),
    );
  } catch (error) {
    // One went meanwhile. Without it the view would be of two moments, and a thief that entered in between be overlooked.
    if (hasCode(error, Code.noNode)) return undefined;
    throw error;
  }
}
