import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { BackendUnavailableError, createLocks, LockLostError, LockTimeoutError } from '@holdfast/core';
import type { Lock, Locks, RequestOptions } from '@holdfast/core';
import { FaultProxy } from '@holdfast/core/conformance';
import { etcd } from '@holdfast/etcd';
import type { EtcdOptions } from '@holdfast/etcd';
import { freePort, sharedServer, startServer } from '@holdfast/testbed';
import type { Etcd3 } from 'etcd3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { hostOf, leases, metrics, rawClient } from './etcd.ts';

const { url } = await sharedServer('etcd');
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

async function open(options: EtcdOptions = {}): Promise<Locks> {
  const locks = await createLocks(etcd({ hosts: hostOf(url), ...options }));
  cleanups.push(() => locks.close());
  return locks;
}

function raw(at = url, auth?: { username: string; password: string }): Etcd3 {
  const client = rawClient(at, auth);
  cleanups.push(() => client.close());
  return client;
}

async function pending(locks: Locks, name: string, count: number): Promise<void> {
  await expect.poll(async () => (await locks.query(name)).pending.length, { interval: 5 }).toBe(count);
}

/** A prefix of the test's own, and the leases of the requests under it. */
async function leasesUnder(client: Etcd3, prefix: string): Promise<string[]> {
  const { kvs } = await client.getAll().prefix(`${prefix}queue/`).exec();
  return [...new Set(kvs.map(({ lease }) => lease))];
}

describe('a lease revoked behind the back', () => {
  test('of a holder: its signal aborts at once', async () => {
    const prefix = `${randomUUID()}/`;
    const [locks, client] = [await open({ prefix }), raw()];
    const lock = await locks.acquire('a', { ttl: '30s' });
    const [lease = ''] = await leasesUnder(client, prefix);
    const lost = new Promise((resolve) => lock.signal.addEventListener('abort', resolve));
    const startedAt = performance.now();
    await client.leaseClient.leaseRevoke({ ID: lease });
    await lost;
    expect(performance.now() - startedAt).toBeLessThan(5000);
    expect(lock.held).toBe(false);
    expect(lock.signal.reason).toBeInstanceOf(LockLostError);
  });

  test('of a waiter: it is not granted the lock by the dead lease, but enters again and gets it in its turn', async () => {
    const prefix = `${randomUUID()}/`;
    const [holder, waiter, client] = [await open({ prefix }), await open({ prefix }), raw()];
    const held = await holder.acquire('a');
    const [first = ''] = await leasesUnder(client, prefix);
    const waiting = waiter.acquire('a');
    await expect.poll(async () => (await holder.query('a')).pending.length).toBe(1);
    const dead = (await leasesUnder(client, prefix)).filter((id) => id !== first);
    for (const ID of dead) await client.leaseClient.leaseRevoke({ ID });
    await expect
      .poll(async () => (await leasesUnder(client, prefix)).some((id) => id !== first && !dead.includes(id)))
      .toBe(true);
    expect((await holder.query('a')).held.map(({ fencingToken }) => fencingToken)).toEqual([held.fencingToken]);
    await held.release();
    const lock = await waiting;
    expect(lock.held).toBe(true);
    expect(lock.fencingToken > held.fencingToken).toBe(true);
  });

  test('with the release of the holder in the same moment: the waiter reports no success without a live key', async () => {
    const prefix = `${randomUUID()}/`;
    const [holder, waiter, client] = [await open({ prefix }), await open({ prefix }), raw()];
    for (let i = 0; i < 10; i += 1) {
      const held = await holder.acquire('a');
      const [first = ''] = await leasesUnder(client, prefix);
      const waiting = waiter.acquire('a');
      await expect.poll(async () => (await holder.query('a')).pending.length, { interval: 2 }).toBe(1);
      const dead = (await leasesUnder(client, prefix)).filter((id) => id !== first);
      await Promise.all([held.release(), ...dead.map((ID) => client.leaseClient.leaseRevoke({ ID }))]);
      const lock = await waiting;
      // Either it was granted before the revocation, and knows of its loss as soon as the news is here, or it holds with another lease.
      const isTrue = async (): Promise<boolean> => {
        const holders = (await holder.query('a')).held.map(({ fencingToken }) => fencingToken);
        return lock.held ? holders.length === 1 && holders[0] === lock.fencingToken : lock.signal.aborted;
      };
      await expect.poll(isTrue, { interval: 5 }).toBe(true);
      await lock.release();
    }
  });
});

test('who comes next is written down for no longer than the one ahead is there: released, given up, stolen from', async () => {
  const prefix = `${randomUUID()}/`;
  const [locks, other, client] = [await open({ prefix }), await open({ prefix }), raw()];
  const told = async (): Promise<number> => {
    const { kvs } = await client.getAll().prefix(`${prefix}session/`).exec();
    return kvs.filter(({ key }) => key.toString().includes('/next/')).length;
  };
  const first = await locks.acquire('a');
  const second = other.acquire('a');
  await expect.poll(told, { interval: 5 }).toBe(1);
  const givesUp = new AbortController();
  const third = locks.acquire('a', { signal: givesUp.signal });
  third.catch(() => undefined);
  await expect.poll(told, { interval: 5 }).toBe(2);
  const fourth = other.acquire('a');
  await expect.poll(told, { interval: 5 }).toBe(3);
  givesUp.abort();
  // The fourth comes after the second now.
  await expect.poll(told, { interval: 5 }).toBe(2);
  await first.release();
  await second;
  await expect.poll(told, { interval: 5 }).toBe(1);
  const thief = await locks.acquire('a', { steal: true });
  await expect.poll(told, { interval: 5 }).toBe(0);
  await thief.release();
  await (await fourth).release();
  expect(await told()).toBe(0);
});

test('keys that somebody put into a queue by hand do not hide the holder from who enters', async () => {
  const [locks, client, name] = [await open(), raw(), randomUUID()];
  const held = await locks.acquire(name);
  const byHand = ['1', '2', '3'].map((suffix) => `holdfast/queue/${name}/by hand ${suffix}`);
  for (const key of byHand) await client.put(key).value('');
  let granted = false;
  const waiting = locks.acquire(name).then((lock) => {
    granted = true;
    return lock;
  });
  await pending(locks, name, 1);
  await delay(200);
  expect(granted).toBe(false);
  for (const key of byHand) await client.delete().key(key);
  await held.release();
  await (await waiting).release();
});

/** The states of a queue in which the end of the one ahead does not mean that it is one's turn. */
test('who comes next is written down for no longer than the one ahead is there: released, given up, stolen from', async () => {
  const prefix = `${randomUUID()}/`;
  const [locks, other, client] = [await open({ prefix }), await open({ prefix }), raw()];
  const told = async (): Promise<number> => {
    const { kvs } = await client.getAll().prefix(`${prefix}session/`).exec();
    return kvs.filter(({ key }) => key.toString().includes('/next/')).length;
  };
  const first = await locks.acquire('a');
  const second = other.acquire('a');
  await expect.poll(told, { interval: 5 }).toBe(1);
  const givesUp = new AbortController();
  const third = locks.acquire('a', { signal: givesUp.signal });
  third.catch(() => undefined);
  await expect.poll(told, { interval: 5 }).toBe(2);
  const fourth = other.acquire('a');
  await expect.poll(told, { interval: 5 }).toBe(3);
  givesUp.abort();
  // The fourth comes after the second now.
  await expect.poll(told, { interval: 5 }).toBe(2);
  await first.release();
  await second;
  await expect.poll(told, { interval: 5 }).toBe(1);
  const thief = await locks.acquire('a', { steal: true });
  await expect.poll(told, { interval: 5 }).toBe(0);
  await thief.release();
  await (await fourth).release();
  expect(await told()).toBe(0);
});

test('keys that somebody put into a queue by hand do not hide the holder from who enters', async () => {
  const [locks, client, name] = [await open(), raw(), randomUUID()];
  const held = await locks.acquire(name);
  const byHand = ['1', '2', '3'].map((suffix) => `holdfast/queue/${name}/by hand ${suffix}`);
  for (const key of byHand) await client.put(key).value('');
  let granted = false;
  const waiting = locks.acquire(name).then((lock) => {
    granted = true;
    return lock;
  });
  await pending(locks, name, 1);
  await delay(200);
  expect(granted).toBe(false);
  for (const key of byHand) await client.delete().key(key);
  await held.release();
  await (await waiting).release();
});

/** The states of a queue in which the end of the one ahead does not mean that it is one's turn. */
describe('a waiter whose request ahead is gone', () => {
  let granted: string[] = [];
  beforeEach(() => (granted = []));

  async function enter(locks: Locks, name: string, who: string, options: RequestOptions = {}): Promise<Lock> {
    const lock = await locks.acquire(name, options);
    granted.push(who);
    return lock;
  }

  test('does not hold while others are ahead of that: it had given up', async () => {
    const [locks, name] = [await open(), randomUUID()];
    const first = await enter(locks, name, 'first');
    const second = enter(locks, name, 'second');
    await pending(locks, name, 1);
    const givesUp = new AbortController();
    const third = enter(locks, name, 'third', { signal: givesUp.signal });
    third.catch(() => undefined);
    await pending(locks, name, 2);
    const fourth = enter(locks, name, 'fourth');
    await pending(locks, name, 3);
    givesUp.abort();
    await pending(locks, name, 2);
    await delay(200);
    expect(granted).toEqual(['first']);
    await first.release();
    const held = await second;
    await delay(200);
    expect(granted).toEqual(['first', 'second']);
    await held.release();
    await (await fourth).release();
  });

  test.each(['by the request that created it', 'after a wait'])(
    'does not hold beside a thief, which took the lock from a holder that was granted it %s',
    async (how) => {
      const [locks, thief, name] = [await open(), await open(), randomUUID()];
      let held = await locks.acquire(name);
      if (how === 'after a wait') {
        const next = locks.acquire(name);
        await pending(locks, name, 1);
        await held.release();
        held = await next;
      }
      const waiting = enter(locks, name, 'waiting');
      await pending(locks, name, 1);
      const stolen = await enter(thief, name, 'thief', { steal: true });
      await expect.poll(() => held.held).toBe(false);
      await delay(200);
      expect(granted).toEqual(['thief']);
      await stolen.release();
      const last = await waiting;
      expect(last.fencingToken > stolen.fencingToken).toBe(true);
      await last.release();
    },
  );

  test('does not hold while others are there that shared the lock with it', async () => {
    const [locks, name] = [await open(), randomUUID()];
    const held = await locks.acquire(name);
    const one = enter(locks, name, 'one', { mode: 'shared' });
    await pending(locks, name, 1);
    const other = enter(locks, name, 'other', { mode: 'shared' });
    await pending(locks, name, 2);
    const writer = enter(locks, name, 'writer');
    await pending(locks, name, 3);
    await held.release();
    await one;
    await (await other).release();
    await delay(200);
    expect(granted).not.toContain('writer');
    await (await one).release();
    await (await writer).release();
  });
});

describe('what it costs the server', () => {
  test('a hand-over wakes one of 200 waiters', async () => {
    const server = await startServer('etcd');
    cleanups.push(() => server.stop());
    const host = hostOf(server.url);
    const [holder, waiter] = [await open({ hosts: host }), await open({ hosts: host })];
    const held = await holder.acquire('a');
    const waits = Array.from({ length: 200 }, () => waiter.acquire('a'));
    for (const wait of waits) wait.catch(() => undefined);
    await expect.poll(async () => (await holder.query('a')).pending.length, { timeout: 20_000 }).toBe(200);
    await delay(1000);
    const count = async (): Promise<number[]> => [
      await metrics(host, 'Txn'),
      await metrics(host, 'Range'),
      await metrics(host, 'Watch', 'grpc_server_msg_sent_total'),
    ];
    const before = await count();
    await held.release();
    await Promise.race(waits);
    await delay(300);
    const [transactions = 0, reads, events = 0] = (await count()).map((value, i) => value - (before[i] ?? 0));
    // The release, which grants the lock to the next one; no reads; the news for both of them, and the ends of watches.
    expect(transactions).toBe(1);
    expect(reads).toBe(0);
    expect(events).toBeLessThanOrEqual(5);
    // Requests of one moment come in any order.
    await Promise.all(waits.map(async (wait) => (await wait).release()));
  });

  test('10 000 locks of one process have one lease and one heartbeat', async () => {
    const server = await startServer('etcd');
    cleanups.push(() => server.stop());
    const host = hostOf(server.url);
    const [locks, client] = [await open({ hosts: host, patience: 60_000, timeout: 20_000 }), raw(server.url)];
    const held = [];
    for (let i = 0; i < 10; i += 1) {
      held.push(
        ...(await Promise.all(Array.from({ length: 1000 }, (_, j) => locks.acquire(`${i}/${j}`, { ttl: '15s' })))),
      );
    }
    expect(await leases(client)).toHaveLength(1);
    const methods = ['LeaseKeepAlive', 'Txn', 'Range', 'Put', 'DeleteRange', 'LeaseGrant', 'Watch'];
    const count = async (): Promise<number[]> => Promise.all(methods.map((method) => metrics(host, method)));
    const before = await count();
    await delay(11_000);
    const [heartbeats = 0, ...others] = (await count()).map((value, i) => value - (before[i] ?? 0));
    expect(held.every((lock) => lock.held)).toBe(true);
    // One every five seconds.
    expect(heartbeats).toBeGreaterThanOrEqual(2);
    expect(heartbeats).toBeLessThanOrEqual(3);
    expect(others).toEqual(others.map(() => 0));
  }, 120_000);
});

describe('errors', () => {
  test('no server there: BackendUnavailableError after patience', async () => {
    const locks = await open({ hosts: `127.0.0.1:${await freePort()}`, patience: 500 });
    const startedAt = performance.now();
    await expect(locks.acquire('a')).rejects.toThrow(BackendUnavailableError);
    expect(performance.now() - startedAt).toBeLessThan(5000);
  });

  test('wrong credentials, and a name without permission: at once, and without the password', async () => {
    const server = await startServer('etcd');
    cleanups.push(() => server.stop());
    const admin = raw(server.url);
    await admin.auth.userAdd({ name: 'root', password: 'r' });
    await admin.auth.userGrantRole({ user: 'root', role: 'root' });
    await admin.auth.userAdd({ name: 'app', password: 'secret' });
    await admin.auth.roleAdd({ name: 'app' });
    for (const range of ['locks/queue/a', 'locks/session/']) {
      const [key, end] = [
        Buffer.from(range),
        Buffer.from(range.slice(0, -1) + String.fromCharCode(range.charCodeAt(range.length - 1) + 1)),
      ];
      await admin.auth.roleGrantPermission({ name: 'app', perm: { permType: 'Readwrite', key, range_end: end } });
    }
    await admin.auth.userGrantRole({ user: 'app', role: 'app' });
    await admin.auth.authEnable();

    const options = { hosts: hostOf(server.url), prefix: 'locks/', username: 'app', password: 'secret' };
    const locks = await open(options);
    await (await locks.acquire('a/1')).release();
    await expect(locks.acquire('b')).rejects.toThrow(/permission denied/i);

    const wrong = await open({ ...options, password: 'wrong-secret' });
    const error = await wrong.acquire('a/1').catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(BackendUnavailableError);
    expect(String(error)).toMatch(/authentication failed/i);
    expect(String(error) + String((error as Error).cause) + (error as Error).stack).not.toContain('wrong-secret');

    // A restarted server has forgotten the token that it gave to the client.
    const held = await locks.acquire('a/1', { ttl: '20s' });
    await server.restart();
    await (await locks.acquire('a/2')).release();
    expect(held.held).toBe(true);
    await held.release();
  });
});

test('a holder keeps its lock, and a waiter its place, when the server is killed and started again', async () => {
  const server = await startServer('etcd');
  cleanups.push(() => server.stop());
  const hosts = hostOf(server.url);
  const [holder, waiter] = [await open({ hosts }), await open({ hosts })];
  const held = await holder.acquire('a', { ttl: '10s' });
  const waiting = waiter.acquire('a', { ttl: '10s' });
  await expect.poll(async () => (await holder.query('a')).pending.length).toBe(1);
  await server.restart();
  await expect.poll(() => holder.query('a').then(({ held: holders }) => holders.length), { timeout: 10_000 }).toBe(1);
  expect(held.held).toBe(true);
  await held.release();
  const lock = await waiting;
  expect(lock.fencingToken > held.fencingToken).toBe(true);
});

test.each(['requests', 'answers'] as const)(
  'a request that was given up while its %s did not get through leaves nothing, though its session lives on',
  async (direction) => {
    const server = new URL(url);
    const proxy = await FaultProxy.start({ host: server.hostname, port: Number(server.port) });
    cleanups.push(() => proxy.close());
    const [locks, other] = [await open({ hosts: `127.0.0.1:${proxy.address.port}` }), await open()];
    const name = randomUUID();
    await locks.acquire(randomUUID(), { ttl: '60s' });
    proxy.blackhole(direction);
    await expect(locks.acquire(name, { ttl: '60s', timeout: 300 })).rejects.toThrow(LockTimeoutError);
    await delay(1000);
    await proxy.restore();
    await delay(500);
    const lock = await other.acquire(name, { timeout: '5s' });
    await lock.release();
    expect(await other.query(name)).toEqual({ held: [], pending: [] });
  },
);

test("the user's own client is used, and left open; a history that is compacted meanwhile does no harm", async () => {
  const server = await startServer('etcd');
  cleanups.push(() => server.stop());
  const client = raw(server.url);
  const [own, other] = [await createLocks(etcd({ client })), await open({ hosts: hostOf(server.url) })];
  const name = randomUUID();
  const held = await own.acquire(name);
  const waiting = other.acquire(name);
  await expect.poll(async () => (await own.query(name)).pending.length).toBe(1);
  const { header } = await client.put(`unused/${name}`).value('');
  await client.kv.compact({ revision: header.revision });
  await held.release();
  const next = await waiting;
  // The watch of the first client has ended by now; it starts again in what is compacted.
  await delay(500);
  await client.kv.compact({ revision: (await client.put(`unused/${name}`).value('')).header.revision });
  await next.release();
  const again = await own.acquire(name);
  const thief = await other.acquire(name, { steal: true });
  await expect.poll(() => again.held).toBe(false);
  await thief.release();
  await client.delete().key(`unused/${name}`);
  await own.close();
  await client.get('a');
});

test('TLS with the authority of the options', async () => {
  const server = await startServer('etcd', { tls: true });
  cleanups.push(() => server.stop());
  const locks = await createLocks({ backend: server.url, options: { tls: { ca: server.ca } } });
  cleanups.push(() => locks.close());
  await (await locks.acquire('a')).release();
});
