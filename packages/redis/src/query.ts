import type { LockInfo, LockSnapshot } from '@holdfast/core/adapter';
import { parseEntry } from './entry.ts';
import { keyPattern, keysOf, nameOf } from './keys.ts';
import { inspect } from './scripts/inspect.ts';
import type { Node, Servers } from './servers.ts';

/** So many keys the server looks at in one step of a scan. */
const SCAN_COUNT = '1000';

/** Who holds and who waits, of `name` or of all names under the prefix. Each name is read at one moment, all of them are not. */
export async function query(
  { runner, nodes }: Pick<Servers, 'runner' | 'nodes'>,
  prefix: string,
  name: string | undefined,
): Promise<LockSnapshot> {
  const held: LockInfo[] = [];
  const pending: LockInfo[] = [];
  const read = async (names: readonly string[]): Promise<void> => {
    const replies = await runner.runAll(
      inspect,
      names.map((each) => ({ keys: keysOf(prefix, each), args: [] })),
    );
    replies.forEach((reply, i) => {
      if (reply instanceof Error) throw reply;
      const snapshot = snapshotOf(names[i] as string, reply as Inspection);
      held.push(...snapshot.held);
      pending.push(...snapshot.pending);
    });
  };
  if (name !== undefined) await read([name]);
  else {
    const seen = new Set<string>();
    for (const node of await nodes()) for await (const names of scan(node, prefix, seen)) await read(names);
  }
  return { held, pending };
}

/** In steps, so that the server is never blocked; a name that comes up twice is given once. */
async function* scan(node: Node, prefix: string, seen: Set<string>): AsyncGenerator<string[]> {
  const { keyPrefix = '' } = node.link.client.options as { keyPrefix?: string };
  let cursor = '0';
  do {
    const [next, keys] = await step(node, cursor, keyPattern(keyPrefix + prefix));
    cursor = next;
    const names = keys
      .map((key) => nameOf(keyPrefix + prefix, key))
      .filter((name): name is string => name !== undefined && !seen.has(name));
    for (const name of names) seen.add(name);
    if (names.length > 0) yield [...new Set(names)];
  } while (cursor !== '0');
}

async function step(node: Node, cursor: string, pattern: string): Promise<[string, string[]]> {
  try {
    const scanning = node.link.open().call('SCAN', cursor, 'MATCH', pattern, 'COUNT', SCAN_COUNT);
    return (await node.bounded(scanning)) as [string, string[]];
  } catch (error) {
    throw node.link.fault(error);
  }
}

type Inspection = [lock: string, token: string, holders: string[], queue: string[], now: string];

function snapshotOf(name: string, [lock, state, holders, queue, now]: Inspection): LockSnapshot {
  const info = (entry: string, micros: number): LockInfo => {
    const { mode, permits, client } = parseEntry(entry);
    const { id: clientId, host, pid } = client;
    return {
      name,
      mode,
      ...(permits === undefined ? {} : { permits }),
      clientId,
      host,
      pid,
      since: new Date(micros / 1000),
    };
  };
  // A token is the server's clock at the grant, but for a clock that was set back.
  const holding = (entry: string, token: string): LockInfo => ({
    ...info(entry, Number(token)),
    fencingToken: BigInt(token),
  });
  const pending = pairs(queue).map(([entry, arrival]) => info(entry, Number(arrival)));
  if (lock === '') return { held: [], pending };
  if (lock.startsWith('x')) return { held: [holding(lock, state.split(' ')[0] || '0')], pending };
  const held = pairs(holders)
    .map(([entry, value]) => ({ entry, value: value.split(' ') as [string, string] }))
    .filter(({ value: [expiry] }) => Number(expiry) > Number(now))
    .map(({ entry, value: [, token] }) => holding(entry, token));
  return { held: held.sort((a, b) => Number((a.fencingToken ?? 0n) - (b.fencingToken ?? 0n))), pending };
}

function pairs(flat: readonly string[]): [string, string][] {
  return Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i] as string, flat[2 * i + 1] as string]);
}
