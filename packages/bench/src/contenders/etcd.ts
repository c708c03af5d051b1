import type { Etcd3 } from 'etcd3';
import { nowMs } from '../clock.ts';
import type { Contender, Notification } from '../contender.ts';
import { holdfast } from './holdfast.ts';
import { versioned } from './versions.ts';

async function connected(url: string): Promise<Etcd3> {
  const { Etcd3 } = await import('etcd3');
  return new Etcd3({ hosts: url.replace(/^etcd:/, 'http:') });
}

/** From a delete until a watcher hears of it. */
const notification: Notification = {
  async sender(url) {
    const client = await connected(url);
    return {
      arm: async () => await client.put('bench').value('x'),
      send: async () => await client.delete().key('bench'),
      close: () => Promise.resolve(client.close()),
    };
  },
  async receiver(url) {
    const client = await connected(url);
    const watcher = await client.watch().key('bench').create();
    return {
      listen: () =>
        Promise.resolve({ heard: new Promise((resolve) => watcher.once('delete', () => resolve(nowMs()))) }),
      async close() {
        await watcher.cancel();
        client.close();
      },
    };
  },
};

/** Longer than any slice in which its keepalives get no turn, in s. */
const LEASE_S = 900;

/** A key is written with a lease, and deleted: the two transactions that a lock in etcd consists of. */
const raw: Contender = {
  name: 'two transactions',
  role: 'raw',
  async open(url) {
    const client = await connected(url);
    const lease = client.lease(LEASE_S);
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

/** Between two tries, in ms. */
const PAUSE_MS = 100;

/** It fails where somebody else has the lock, so that waiting is ours: it tries again after a pause. */
const etcd3: Contender = {
  name: `${versioned('etcd3')}, its lock()`,
  role: 'peer',
  async open(url, ttlMs) {
    const { EtcdLockFailedError } = await import('etcd3');
    const client = await connected(url);
    return {
      async acquire(name) {
        for (;;) {
          try {
            const lock = await client
              .lock(name)
              .ttl(Math.ceil(ttlMs / 1000))
              .acquire();
            return () => lock.release();
          } catch (error) {
            if (!(error instanceof EtcdLockFailedError)) throw error;
            await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
          }
        }
      },
      close: () => Promise.resolve(client.close()),
    };
  },
};

export const contenders: readonly Contender[] = [raw, holdfast, etcd3];
