import type { LockRequest } from '@holdfast/core/adapter';
import { multi } from '../protocol/multi.ts';
import { create, createEphemeral, getChildren, getData, setData } from '../protocol/operations.ts';
import type { Children, NodeData } from '../protocol/operations.ts';
import type { Stat } from '../protocol/stat.ts';
import type { Connection } from '../session/connection.ts';
import type { Container } from './container.ts';
import { encodeNode } from './node-data.ts';

export interface CreatedNode {
  readonly path: string;
  readonly czxid: bigint;
}

/** Creates a node for `request`, and lists the queue in which it is. */
export function createAndList(
  connection: Connection,
  container: Container,
  prefix: string,
  request: LockRequest,
): Promise<[PromiseSettledResult<CreatedNode>, PromiseSettledResult<Children>]> {
  const path = `${container.path}/${prefix}`;
  const data = encodeNode(request.client, 'entered');
  const list = (): Promise<Children> => connection.request(getChildren(container.path, false));
  if (request.steal) {
    const before = connection.request(getData(container.path, false));
    // In one flight, and in this order.
    const created = before.then((now) => createThief(connection, container, { path, data }, now));
    return Promise.allSettled([created, before.then(list)]);
  }
  const created = createWaiter(connection, container, path, data);
  // Answered after the create, because the server keeps the order of a connection.
  return Promise.allSettled([created, list()]);
}

async function createWaiter(
  connection: Connection,
  { acl }: Container,
  path: string,
  data: Buffer,
): Promise<CreatedNode> {
  const created = await connection.request(create(path, data, acl, 'ephemeralSequential'));
  return { path: created.path, czxid: created.stat.czxid };
}

/**
 * Those who may hold without looking again (sure.ts) watch the container. With its data set in the same transaction, they are told of the
 * thief before anything that comes after it. What the data say (token.ts) stays: rejects with BADVERSION if they were set meanwhile.
 */
async function createThief(
  connection: Connection,
  container: Container,
  { path, data }: { path: string; data: Buffer },
  before: NodeData,
): Promise<CreatedNode> {
  const [stat, created] = await connection.request(
    multi([setData(container.path, before.data, before.stat.version), createEphemeral(path, data, container.acl)]),
  );
  // Of one transaction: its number is that of the node as well.
  return { path: created as string, czxid: (stat as Stat).mzxid };
}
