import { grantedCount } from '@holdfast/core/adapter';
import type { LockInfo, LockSnapshot } from '@holdfast/core/adapter';
import type { Consul } from './consul.ts';
import { allQueues, nameOf, queueOf } from './keys.ts';
import { entriesOf } from './queue.ts';
import type { Entry } from './queue.ts';

/** One read: all queues as they were at one index. */
export async function query(consul: Consul, prefix: string, name: string | undefined): Promise<LockSnapshot> {
  const values = await consul.list(name === undefined ? allQueues(prefix) : queueOf(prefix, name));
  const queues = new Map<string, Entry[]>();
  for (const entry of entriesOf(values)) {
    const queue = queues.get(entry.queue);
    if (queue === undefined) queues.set(entry.queue, [entry]);
    else queue.push(entry);
  }
  const held: LockInfo[] = [];
  const pending: LockInfo[] = [];
  for (const [queue, entries] of queues) {
    const count = grantedCount(entries);
    entries.forEach((entry, i) => {
      const info = infoOf(nameOf(prefix, queue), entry);
      if (i < count) held.push({ ...info, fencingToken: BigInt(entry.modified) });
      else pending.push(info);
    });
  }
  return { held, pending };
}

function infoOf(name: string, { mode, permits, value }: Entry): LockInfo {
  const text = Buffer.from(value ?? '', 'base64').toString();
  const { client, host, pid, since } = JSON.parse(text) as { client: string; host: string; pid: number; since: number };
  return {
    name,
    mode,
    clientId: client,
    host,
    pid,
    since: new Date(since),
    ...(permits === undefined ? {} : { permits }),
  };
}
