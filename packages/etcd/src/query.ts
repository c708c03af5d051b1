import { grantedCount } from '@holdfast/core/adapter';
import type { LockInfo, LockSnapshot } from '@holdfast/core/adapter';
import type { Connection } from './connection.ts';
import { allQueues, nameOf, queueOf, under } from './keys.ts';
import { inOrder, snapshotOf } from './queue.ts';
import type { Entry } from './queue.ts';

/** One read: all queues as they were at one revision. */
export async function query(connection: Connection, prefix: string, name: string | undefined): Promise<LockSnapshot> {
  const range = under(name === undefined ? allQueues(prefix) : queueOf(prefix, name));
  const response = await connection.ask((client, options) => client.kv.range(range, options));
  const queues = new Map<string, Entry[]>();
  for (const entry of snapshotOf(response, response.header.revision).entries) {
    const queue = queues.get(entry.queue);
    if (queue === undefined) queues.set(entry.queue, [entry]);
    else queue.push(entry);
  }
  const held: LockInfo[] = [];
  const pending: LockInfo[] = [];
  for (const [queue, entries] of queues) {
    const count = grantedCount(inOrder(entries));
    entries.forEach((entry, i) => {
      const info = infoOf(nameOf(prefix, queue), entry);
      if (i < count) held.push({ ...info, fencingToken: entry.modified });
      else pending.push(info);
    });
  }
  return { held, pending };
}

function infoOf(name: string, { mode, permits, value }: Entry): LockInfo {
  const { client, host, pid, since } = JSON.parse(value.toString()) as Record<string, string & number>;
  return {
    name,
    mode,
    clientId: client ?? '',
    ...(permits === undefined ? {} : { permits }),
    ...(host === undefined ? {} : { host }),
    ...(pid === undefined ? {} : { pid }),
    ...(since === undefined ? {} : { since: new Date(since) }),
  };
}
