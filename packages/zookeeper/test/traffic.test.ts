import { setTimeout as delay } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Lock, Locks } from '@holdfast/core';
import { expect, test } from 'vitest';
import { lastingContainer, monitor, open, ownServer, pending, requests, tapped, until } from './scene.ts';

test('an uncontended acquire and release take four requests in two round trips', async () => {
  const server = await ownServer();
  await lastingContainer(server.url, 'n');
  const locks = await open(server.url);
  await (await locks.acquire('n')).release();
  // Create and list in one flight, the watch on the own node beside the grant, and the delete.
  expect(await requests(server, async () => (await locks.acquire('n')).release())).toBe(4);
});

test('with 200 waiters in one session, a hand-over wakes one', async () => {
  const server = await ownServer();
  const [holder, waiters] = [await open(server.url), await open(server.url)];
  let lock = await holder.acquire('n');
  const granted: bigint[] = [];
  const waits = Array.from({ length: 200 }, async () => {
    const next = await waiters.acquire('n');
    granted.push(next.fencingToken);
    return next;
  });
  for (const wait of waits) wait.catch(() => undefined);
  await until(async () => (await pending(holder, 'n')) === 200);
  await delay(200);
  const handOver = async (place: number): Promise<void> => {
    await lock.release();
    lock = (await waits[place]) ?? lock;
    await delay(300);
  };
  // The delete, and the watch of the one that it wakes on its own node.
  expect(await requests(server, () => handOver(0))).toBe(2);
  // The one ahead was in the same session: the one that it wakes looks at the queue before it holds.
  expect(await requests(server, () => handOver(1))).toBe(3);
  expect(granted).toHaveLength(2);
  for (const next of waits.slice(2)) {
    await lock.release();
    lock = await next;
  }
  expect(granted).toEqual(granted.toSorted((a, b) => (a < b ? -1 : 1)));
  await lock.release();
});

test.each([6, 40])(
  'with %i waiters by turns in two sessions, a hand-over wakes two, one of them beside the grant',
  async (count) => {
    const server = await ownServer();
    const holder = await open(server.url);
    const waiters = [await open(server.url), await open(server.url)];
    let lock = await holder.acquire('n', { ttl: '60s' });
    const waits: Promise<Lock>[] = [];
    for (let i = 0; i < count; i += 1) {
      const wait = (waiters[i % 2] ?? holder).acquire('n', { ttl: '60s' });
      wait.catch(() => undefined);
      waits.push(wait);
      await until(async () => (await pending(holder, 'n')) === i + 1);
    }
    await delay(200);
    for (const wait of waits.slice(0, 3)) {
      const handOver = async (): Promise<void> => {
        await lock.release();
        lock = await wait;
        await delay(300);
      };
      // The delete, and the watch of the one that holds now on its own node. The one behind that one sets two watches.
      expect(await requests(server, handOver)).toBe(4);
    }
    for (const wait of waits.slice(3)) {
      await lock.release();
      lock = await wait;
    }
    await lock.release();
  },
);

test('with 200 waiters by turns in four sessions, a hand-over reads no list of them', async () => {
  const server = await ownServer();
  const tap = await tapped(server);
  const holder = await open(server.url);
  const waiters = await Promise.all([tap.url, server.url, server.url, server.url].map(open));
  let lock = await holder.acquire('n');
  const waits: Promise<Lock>[] = [];
  for (let i = 0; i < 200; i += 1) {
    const wait = (waiters[i % 4] as Locks).acquire('n');
    wait.catch(() => undefined);
    waits.push(wait);
    await until(async () => (await pending(holder, 'n')) === i + 1);
  }
  await delay(200);
  const before = tap.received();
  const bySessions = await requests(server, async () => {
    for (const wait of waits.slice(0, 20)) {
      await lock.release();
      lock = await wait;
      await delay(20);
    }
  });
  // Two of those that are asked for by name were of the same session, or watched by nobody in it.
  expect(bySessions / 20).toBeLessThanOrEqual(6);
  // A name has 60 bytes and more.
  expect((tap.received() - before) / 5).toBeLessThan(2000);
  for (const wait of waits.slice(20)) {
    await lock.release();
    lock = await wait;
  }
  await lock.release();
});

test('a client whose locks are held but briefly prepares nothing', async () => {
  const server = await ownServer();
  const [holder, waiter] = [await open(server.url), await open(server.url)];
  // Connected, in the session that it waits in.
  await (await waiter.acquire('elsewhere', { ttl: '60s' })).release();
  const counts: number[] = [];
  for (const heldMs of [0, 20, 0]) {
    const lock = await holder.acquire('n', { ttl: '60s' });
    await delay(100);
    let next: Promise<Lock> | undefined;
    const entered = await requests(server, async () => {
      next = waiter.acquire('n', { ttl: '60s' });
      next.catch(() => undefined);
      await delay(300);
    });
    counts.push(entered);
    await lock.release();
    const granted = await next;
    if (heldMs > 0) await delay(heldMs);
    await granted?.release();
  }
  // Create and list; then three watches to be prepared, or one.
  expect(counts).toEqual([5, 3, 5]);
});

test('with 100 waiters for two permits, a release wakes the next, and that one the next but one', async () => {
  const server = await ownServer();
  const [holder, waiters] = [await open(server.url), await open(server.url)];
  const held = [await holder.semaphore('n', 2).acquire(), await holder.semaphore('n', 2).acquire()];
  const waits = Array.from({ length: 100 }, () => waiters.semaphore('n', 2).acquire());
  for (const wait of waits) wait.catch(() => undefined);
  await until(async () => (await pending(holder, 'n')) === 100);
  await delay(200);
  const count = await requests(server, async () => {
    await held[0]?.release();
    await waits[0];
    await delay(300);
  });
  // Delete; look, mark, watch of the one that is granted; two looks and the watch of the one that is next now.
  expect(count).toBeLessThanOrEqual(10);
  for (const [i, next] of waits.entries()) await (i === 0 ? held[1] : await waits[i - 1])?.release().then(() => next);
  await (await waits[99])?.release();
});

test('a thousand waiters for one name keep a few kilobytes each, not the queue that each saw', async () => {
  const server = await ownServer();
  const [holder, waiters] = [await open(server.url), await open(server.url)];
  const lock = await holder.acquire('n', { ttl: '60s' });
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  const before = process.memoryUsage().heapUsed;
  const controller = new AbortController();
  const waits = Array.from({ length: 1000 }, () =>
    waiters.acquire('n', { ttl: '60s', signal: controller.signal }).catch(() => undefined),
  );
  await until(async () => (await pending(holder, 'n')) === 1000);
  await delay(500);
  collect();
  expect((process.memoryUsage().heapUsed - before) / 1000).toBeLessThan(50_000);
  controller.abort();
  await Promise.all(waits);
  await lock.release();
});

test('waiters send nothing but the heartbeat of their session', async () => {
  const server = await ownServer();
  const [holder, waiters] = [await open(server.url), await open(server.url)];
  const lock = await holder.acquire('n', { ttl: '60s' });
  const controller = new AbortController();
  const waits = Array.from({ length: 100 }, () =>
    waiters.acquire('n', { ttl: '60s', signal: controller.signal }).catch(() => undefined),
  );
  await until(async () => (await pending(holder, 'n')) === 100);
  await delay(200);
  expect(await requests(server, () => delay(2000))).toBe(0);
  controller.abort();
  await Promise.all(waits);
  expect(await pending(holder, 'n')).toBe(0);
  await lock.release();
});

test('10 000 locks of one process are one session with one heartbeat', { timeout: 120_000 }, async () => {
  const server = await ownServer();
  const locks = await open(server.url);
  const before = (await monitor(server))('zk_num_alive_connections');
  const held = await Promise.all(
    Array.from({ length: 10_000 }, (_, i) => locks.acquire(`n${i}`, { ttl: '6s', timeout: '60s' })),
  );
  const mntr = await monitor(server);
  expect(mntr('zk_ephemerals_count')).toBe(10_000);
  expect(mntr('zk_num_alive_connections') - before).toBe(1);
  // The watches that tell of a theft are set beside the grants.
  await until(async () => (await monitor(server))('zk_watch_count') === 10_000);
  // One heartbeat every two seconds.
  expect(await requests(server, () => delay(6000))).toBeLessThanOrEqual(4);
  expect(held.every((lock) => lock.held)).toBe(true);
  await Promise.all(held.map((lock) => lock.release()));
  expect((await monitor(server))('zk_ephemerals_count')).toBe(0);
});
