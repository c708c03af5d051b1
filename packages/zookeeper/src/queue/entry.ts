import type { LockRequest } from '@holdfast/core/adapter';
import { Code, ConnectionLossError } from '../errors.ts';
import { getChildren, getData, remove, sync } from '../protocol/operations.ts';
import type { Children } from '../protocol/operations.ts';
import type { ZooKeeperSession } from '../session/session.ts';
import { hasCode } from './codes.ts';
import type { Container } from './container.ts';
import { createAndList } from './create-node.ts';
import type { CreatedNode } from './create-node.ts';
import { look, viewOfChildren } from './look.ts';
import { namePrefix } from './node-name.ts';
import type { View } from './view.ts';

/** A request's own node. */
export interface Entry {
  readonly session: ZooKeeperSession;
  readonly container: Container;
  /** Of the node, within the container. */
  readonly name: string;
  readonly path: string;
  readonly czxid: bigint;
}

export interface Entered {
  readonly entry: Entry;
  readonly view: View;
}

/** Creates the request's node and sees the queue with it, in one round trip; a thief in two. */
export async function enter(session: ZooKeeperSession, container: Container, request: LockRequest): Promise<Entered> {
  const prefix = namePrefix(request, session.id);
  for (;;) {
    const connection = await session.connection();
    const [created, listed] = await createAndList(connection, container, prefix, request);
    if (created.status === 'fulfilled' && listed.status === 'fulfilled') {
      const entry = entryOf(session, container, created.value);
      return { entry, view: await viewOrLeave(entry, listed.value) };
    }
    const failure = created.status === 'rejected' ? created.reason : (listed as PromiseRejectedResult).reason;
    if (hasCode(failure, Code.noNode)) {
      // Nobody has locked this name yet, or the server has just removed the container because it was empty.
      await container.ensure(session);
    } else if (failure instanceof ConnectionLossError || hasCode(failure, Code.nodeExists)) {
      const found = await recover(session, container, prefix);
      if (found !== undefined) return found;
    } else if (!hasCode(failure, Code.badVersion)) {
      if (created.status === 'fulfilled') await removed(session, created.value.path);
      throw failure;
    }
  }
}

/**
 * After a lost answer: whether the node was created. `sync` first, or a server that lags behind the one that took the create
 * would not show it. What that server has not passed on yet comes too late: the leader refuses a session's writes by the
 * server that it left.
 */
async function recover(session: ZooKeeperSession, container: Container, prefix: string): Promise<Entered | undefined> {
  try {
    await session.call(sync(container.path));
    const children = await session.call(getChildren(container.path, false));
    const [name, ...doubles] = children.names.filter((child) => child.startsWith(prefix));
    if (name === undefined) return undefined;
    for (const double of doubles) await removed(session, `${container.path}/${double}`);
    const path = `${container.path}/${name}`;
    const { stat } = await session.call(getData(path, false));
    const entry = entryOf(session, container, { path, czxid: stat.czxid });
    return { entry, view: await viewOrLeave(entry, children) };
  } catch (error) {
    if (hasCode(error, Code.noNode)) return undefined;
    throw error;
  }
}

function entryOf(session: ZooKeeperSession, container: Container, { path, czxid }: CreatedNode): Entry {
  return { session, container, name: path.slice(container.path.length + 1), path, czxid };
}

async function viewOrLeave(entry: Entry, children: Children): Promise<View> {
  const { session, container } = entry;
  try {
    return (await viewOfChildren(session, container.path, children)) ?? (await look(session, container.path));
  } catch (error) {
    await leave(entry);
    throw error;
  }
}

/**
 * Deletes the request's own node; safe to do twice. Resolves with whether it was there. Goes on for as long as
 * the session lives, and rejects with a `SessionOverError` when it does not: its nodes are gone with it.
 */
export function leave(entry: Entry): Promise<boolean> {
  return removed(entry.session, entry.path);
}

async function removed(session: ZooKeeperSession, path: string): Promise<boolean> {
  try {
    await session.call(remove(path));
    return true;
  } catch (error) {
    if (hasCode(error, Code.noNode)) return false;
    throw error;
  }
}
