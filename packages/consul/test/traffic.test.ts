import { setTimeout as delay } from 'node:timers/promises';
import type { Lock, Locks } from '@holdfast/core';
import { expect, test } from 'vitest';
import { CountingProxy } from './counting-proxy.ts';
import { open, openPeer, Operator, ownServer } from './scene.ts';

/** With its session open: what a process does once is not counted. */
async function warm(url: string): Promise<Locks> {
  const locks = await open(url);
  await (await locks.acquire('warm')).release();
  return locks;
}

test('an uncontended acquire and release are one transaction each; a try reads first, and a refused one only reads', async () => {
  const proxy = await CountingProxy.start((await ownServer()).url);
  const locks = await warm(proxy.url);
  await delay(500);
  const counts = await proxy.counts(async () => {
    const lock = await locks.acquire('free');
    await lock.release();
  });
  // Beside them the blocking query of the session.
  expect(counts).toEqual({ 'PUT txn': 2, 'GET kv': 1 });
  const lock = await locks.acquire('taken');
  expect(await proxy.counts(() => locks.tryAcquire('taken'))).toEqual({ 'GET kv': 1 });
  await lock.release();
});

test('a hand-over wakes one waiter, of 200 in other processes', { timeout: 60_000 }, async () => {
  const proxy = await CountingProxy.start((await ownServer()).url);
  const clients = await Promise.all([1, 2, 3, 4].map(() => warm(proxy.url)));
  const [holder = await warm(proxy.url)] = clients;
  let lock = await holder.acquire('a', { ttl: '60s' });
  const granted: Promise<Lock>[] = [];
  for (let i = 0; i < 200; i += 1) {
    const client = clients[i % clients.length] ?? holder;
    const wait = client.acquire('a', { ttl: '60s' });
    wait.catch(() => undefined);
    granted.push(wait);
    await expect.poll(async () => (await holder.query('a')).pending.length, { interval: 1 }).toBe(i + 1);
  }
  await delay(200);
  let transactions = 0;
  const sizes: number[] = [];
  for (const next of granted.slice(0, 10)) {
    const before = proxy.bytes;
    const counts = await proxy.counts(async () => {
      await lock.release();
      lock = await next;
      await delay(100);
    });
    transactions += counts['PUT txn'] ?? 0;
    sizes.push(proxy.bytes - before);
    // The one behind who holds now begins to watch it, and its own key; the client of the one that has released watches
    // the one ahead of its next waiter. One more, if a waiter hears of the release long before it hears of its grant.
    expect(counts['GET kv'] ?? 0).toBeLessThanOrEqual(4);
  }
  // The releases, which grant, and the looks of who holds at the next; on a machine that is slow for a moment that one may have to claim.
  expect(transactions).toBeGreaterThanOrEqual(19);
  expect(transactions).toBeLessThanOrEqual(23);
  // Nobody lists the queue, of which one key has more than 200 bytes.
  expect(sizes.toSorted((a, b) => a - b)[5]).toBeLessThan(8000);
  await Promise.all([lock.release(), ...granted.slice(10).map(async (next) => (await next).release())]);
});

test(
  'hundreds that wait for different names of other processes take no more connections than an agent allows',
  { timeout: 60_000 },
  async () => {
    const { url } = await ownServer();
    const [locks, peer] = [await open(url), await openPeer(url)];
    const names = Array.from({ length: 300 }, (_, i) => `name ${i}`);
    const held = [];
    for (const name of names) held.push(await peer.acquire(name, { ttl: '60s' }));
    const waits = names.map((name) => locks.acquire(name, { ttl: '60s' }));
    for (const wait of waits) wait.catch(() => undefined);
    await expect.poll(async () => (await locks.query()).pending.length, { timeout: 20_000 }).toBe(300);
    for (const lock of held) await lock.release();
    for (const lock of await Promise.all(waits)) await lock.release();
  },
);

test('thousands of locks of one process cost one session and one heartbeat', { timeout: 120_000 }, async () => {
  const server = await ownServer();
  const proxy = await CountingProxy.start(server.url);
  const locks = await open(proxy.url);
  const held = await Promise.all(Array.from({ length: 2000 }, (_, i) => locks.acquire(`lock ${i}`, { ttl: '3s' })));
  expect(await new Operator(server.url).sessions()).toHaveLength(1);
  const counts = await proxy.counts(() => delay(3000));
  const { 'PUT session/renew': renewals, 'GET kv': queries = 0, ...others } = counts;
  expect(others).toEqual({});
  expect(renewals).toBeLessThanOrEqual(4);
  // The blocking query of the session is asked anew every 10 s.
  expect(queries).toBeLessThanOrEqual(1);
  expect(held.every((lock) => lock.held)).toBe(true);
  await Promise.all(held.map((lock) => lock.release()));
});
