import { Etcd3, EtcdLockFailedError } from 'etcd3';
import type { Contender, Notification } from '../contender.ts';
import { holdfast } from './holdfast.ts';
import { versioned } from './versions.ts';

function connected(url: string): Etcd3 {
  return new Etcd3({ hosts: url.replace(/^etcd:/, 'http:') });
}

/** A key is written with a lease, and deleted: the two transactions that a lock in etcd consists of. */
const raw: Contender = {
  name: 'two transactions',
  role: 'raw',
  async open(url) {
    const client = connected(url);
    const lease = client.lease(60);
    const id = await lease.grant();
    return {
      async acquire(name) {
        await client.if(name, 'Create', '==', 0).then(client.put(name).value('x').lease(id), client.get(name)).commit();
        return () => client.if(name, 'Create', '>', 0).then(client.delete().key(name)).commit();
      },
      async close() {
        await lease.revoke();
        client.close();
      },
    };
  },
  notification,
};

/** From a delete until a watcher hears of it. */
async function notification(url: string): Promise<Notification> {
  const [sender, receiver] = [connected(url), connected(url)];
  const watcher = await receiver.watch().key('bench').create();
  return {
    async once() {
      await sender.put('bench').value('x');
      await new Promise((resolve) => setTimeout(resolve, 20));
      const startedAt = performance.now();
      const heard = new Promise<number>((resolve) => watcher.once('delete', () => resolve(performance.now())));
      await sender.delete().key('bench');
      return (await heard) - startedAt;
    },
    async close() {
      await watcher.cancel();
      sender.close();
      receiver.close();
    },
  };
}

/** It fails where somebody else has the lock, so that waiting is ours: it tries again after 100 ms. */
const etcd3: Contender = {
  name: `${versioned('etcd3')}, its lock()`,
  role: 'peer',
  open(url) {
    const client = connected(url);
    return Promise.resolve({
      async acquire(name) {
        for (;;) {
          try {
            const lock = await client.lock(name).acquire();
            return () => lock.release();
          } catch (error) {
            if (!(error instanceof EtcdLockFailedError)) throw error;
            await new Promise((resolve) => setTimeout(resolve, 100));
          }
        }
      },
      close: () => Promise.resolve(client.close()),
    });
  },
};

export const etcdContenders: readonly Contender[] = [raw, holdfast, etcd3];
