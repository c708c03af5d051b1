import { grantedCount } from '@holdfast/core/adapter';
import type { LockInfo, LockSnapshot } from '@holdfast/core/adapter';
import { Code } from '../errors.ts';
import { getChildren, getData } from '../protocol/operations.ts';
import type { NodeData } from '../protocol/operations.ts';
import type { ZooKeeperSession } from '../session/session.ts';
import { hasCode } from './codes.ts';
import { look } from './look.ts';
import { decodeNode } from './node-data.ts';
import type { QueueNode } from './node-name.ts';
import { nameOf, segmentOf } from './paths.ts';
import type { View } from './view.ts';

/** The queue of one name, or of all. Queues of different names are read one after the other, not at one moment. */
export async function snapshotOf(
  session: ZooKeeperSession,
  root: string,
  name: string | undefined,
): Promise<LockSnapshot> {
  const segments =
    name === undefined ? ((await orNothing(session.call(getChildren(root, false))))?.names ?? []) : [segmentOf(name)];
  const snapshots: LockSnapshot[] = [];
  for (const segment of segments.toSorted()) {
    const path = `${root}/${segment}`;
    const view = await orNothing(look(session, path));
    if (view !== undefined) snapshots.push(await queueOf(session, path, nameOf(segment), view));
  }
  return { held: snapshots.flatMap(({ held }) => held), pending: snapshots.flatMap(({ pending }) => pending) };
}

async function queueOf(session: ZooKeeperSession, path: string, name: string, { order }: View): Promise<LockSnapshot> {
  const count = grantedCount(order);
  const infos = await Promise.all(
    order.map(async (node, index) => {
      const content = await orNothing(session.call(getData(`${path}/${node.name}`, false)));
      return content === undefined ? undefined : infoOf(name, node, content, index < count);
    }),
  );
  const present = (from: number, to?: number): LockInfo[] => infos.slice(from, to).filter((info) => info !== undefined);
  return { held: present(0, count), pending: present(count) };
}

function infoOf(name: string, { mode, permits }: QueueNode, { data, stat }: NodeData, isHeld: boolean): LockInfo {
  const { client, stage } = decodeNode(data);
  return {
    name,
    mode,
    clientId: client.id,
    host: client.host,
    pid: client.pid,
    since: new Date(isHeld ? stat.mtime : stat.ctime),
    ...(isHeld ? { fencingToken: stage === 'numbered' ? stat.mzxid : stat.czxid } : {}),
    ...(permits === undefined ? {} : { permits }),
  };
}

/** `undefined` for a node that is gone by now. */
async function orNothing<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (hasCode(error, Code.noNode)) return undefined;
    throw error;
  }
}
