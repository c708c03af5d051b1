import type { ClientInfo } from '@holdfast/core/adapter';
import { Code, ZooKeeperError } from '../errors.ts';
import { multi } from '../protocol/multi.ts';
import { getData, remove, setData } from '../protocol/operations.ts';
import type { Stat } from '../protocol/stat.ts';
import { hasCode } from './codes.ts';
import type { Entered, Entry } from './entry.ts';
import { encodeNode } from './node-data.ts';
import { victimsOf } from './view.ts';
import type { View } from './view.ts';

/**
 * The fencing token of a request that holds in `view`; `undefined` if it does no longer.
 *
 * A node's czxid: nodes hold in the order of their creation. A thief breaks that order: it holds before nodes that are older. So
 * its token is the transaction in which it says that it holds, written to the container as well, whose mzxid thereby
 * is the floor for all later tokens. Whoever is older than the floor gets a number in the same way. That costs a
 * round trip more, but only those who waited while somebody stole.
 *
 * A thief raises the floor when it enters, too. The node that the floor itself created is that thief's: if it finds nobody to steal
 * from, nothing that came before has a greater token.
 */
export function tokenOf(entry: Entry, view: View, client: ClientInfo): Promise<bigint | undefined> {
  return entry.czxid >= view.floor ? Promise.resolve(entry.czxid) : numbered(entry, client, '');
}

/**
 * Takes the lock from whoever holds it. The thief's node is in the queue already, so the waiters see that they are behind it, and
 * only those that may hold are left to be deleted.
 */
export async function steal({ entry, view }: Entered, client: ClientInfo): Promise<bigint | undefined> {
  const { session, container } = entry;
  const settled = await session.call(getData(container.path, false));
  const victims = victimsOf(entry.name, view, settled.data.toString('utf8'));
  if (victims.length === 0) return tokenOf(entry, view, client);
  await Promise.all(
    victims.map(async ({ name }) => {
      try {
        await session.call(remove(`${container.path}/${name}`));
      } catch (error) {
        if (!hasCode(error, Code.noNode)) throw error;
      }
    }),
  );
  // Only now, when nobody else holds: the token must be greater than any that they were given.
  return numbered(entry, client, entry.name);
}

/** In one transaction, so that a request whose node is gone raises no floor and gets no token. */
async function numbered(
  { session, container, path }: Entry,
  client: ClientInfo,
  settled: string,
): Promise<bigint | undefined> {
  try {
    const [stat] = await session.call(
      multi([setData(path, encodeNode(client, 'numbered')), setData(container.path, Buffer.from(settled))]),
    );
    return (stat as Stat).mzxid;
  } catch (error) {
    if (error instanceof ZooKeeperError && error.code === Code.noNode) return undefined;
    throw error;
  }
}
