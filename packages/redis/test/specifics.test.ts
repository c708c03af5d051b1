import { setTimeout as delay } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Peer } from '@holdfast/core/conformance';
import type { Lock } from '@holdfast/core';
import { freePort } from '@holdfast/testbed';
import { describe, expect, onTestFinished, test } from 'vitest';
import { connections, executed, onlooker, open, ownServer, pending, until, warm } from './traffic.ts';

async function startPeer(url: string): Promise<Peer> {
  const peer = await Peer.start({ kind: 'process', data: () => url });
  onTestFinished(() => peer.kill());
  return peer;
}

describe('traffic', () => {
  test('an uncontended acquire and release are one script each', async () => {
    const { url } = await ownServer();
    const [locks, client] = [await open(url), onlooker(url)];
    await warm(locks);
    const counts = await executed(client, async () => {
      const lock = await locks.acquire('free');
      await lock.release();
    });
    expect(counts).toEqual({ evalsha: 2, get: 3, time: 1, set: 2, del: 1 });
  });

  test('the hand-over to a waiting process takes the release, its message, and nothing else', async () => {
    const { url } = await ownServer();
    const [locks, client, peer] = [await open(url), onlooker(url), await startPeer(url)];
    await warm(locks);
    // Below the time in which a grant by message must be confirmed, so that nothing follows it either.
    const lock = await locks.acquire('passed on', { ttl: 1500 });
    const { granted } = await peer.enqueue('passed on', { ttl: 1500 });
    const counts = await executed(client, async () => {
      await lock.release();
      await granted;
    });
    expect((await granted).fencingToken).toBeGreaterThan(lock.fencingToken);
    expect(counts['evalsha']).toBe(1);
    expect(counts['publish']).toBe(1);
  });

  test('waiters send nothing while a lock is held', async () => {
    const { url } = await ownServer();
    const [holder, waiting, client] = [await open(url), await open(url), onlooker(url)];
    const lock = await holder.acquire('busy', { ttl: '60s' });
    const waits = Array.from({ length: 100 }, () => waiting.acquire('busy', { ttl: '60s' }));
    for (const wait of waits) wait.catch(() => undefined);
    await until(async () => (await pending(holder, 'busy')) === 100);
    const counts = await executed(client, () => delay(3000));
    expect(counts).toEqual({});
    const closed = Promise.allSettled(waits);
    await waiting.close();
    await closed;
    await lock.release();
  });

  test('1000 waiters on one name are served, all of them, in the order in which they came', async () => {
    const { url } = await ownServer();
    const [locks, other] = [await open(url), await open(url)];
    const first = await locks.acquire('popular');
    const order: number[] = [];
    const tokens: bigint[] = [first.fencingToken];
    const wait = async (place: number): Promise<void> => {
      await using lock = await (place % 2 === 0 ? locks : other).acquire('popular');
      order.push(place);
      tokens.push(lock.fencingToken);
    };
    const waits: Promise<void>[] = [];
    // Two clients have two connections: who comes next enters only when the one before is in the queue.
    for (let place = 0; place < 1000; place += 1) {
      const waiting = wait(place);
      waiting.catch(() => undefined);
      waits.push(waiting);
      if (place < 4) await until(async () => (await pending(locks, 'popular')) === place + 1);
      else await locks.query('popular').then(() => other.query('popular'));
    }
    await first.release();
    await Promise.all(waits);
    expect(order).toEqual(Array.from({ length: 1000 }, (_, place) => place));
    expect(tokens).toEqual([...tokens].sort((a, b) => (a < b ? -1 : 1)));
    expect(new Set(tokens).size).toBe(1001);
  });

  test('10 000 locks of one process need two connections, and renew together', async () => {
    const { url } = await ownServer();
    const [locks, client] = [await open(url), onlooker(url)];
    await warm(locks);
    const before = { own: heapUsed(), server: await usedMemory(client) };
    const held: Lock[] = [];
    for (let at = 0; at < 10_000; at += 500) {
      held.push(
        ...(await Promise.all(Array.from({ length: 500 }, (_, i) => locks.acquire(`lock ${at + i}`, { ttl: '9s' })))),
      );
    }
    const { commands, messages } = await connections(client);
    expect([commands.length, messages.length]).toEqual([1, 1]);
    const after = { own: heapUsed(), server: await usedMemory(client) };
    const counts = await executed(client, () => delay(9000));
    expect(held.every((lock) => lock.held)).toBe(true);
    // One a third of a ttl for each lock, give or take the ends of the interval.
    expect(counts['evalsha']).toBeGreaterThanOrEqual(20_000);
    expect(counts['evalsha']).toBeLessThanOrEqual(40_000);
    const perLock = (bytes: number): string => `${Math.round(bytes / 10_000)} bytes a lock`;
    console.info(
      `memory: ${perLock(after.own - before.own)} here, ${perLock(after.server - before.server)} at the server; renewals in 9 s: ${counts['evalsha']}`,
    );
    await locks.close();
    expect((await client.keys('holdfast:*')).filter((key) => !key.endsWith(':token'))).toEqual([]);
  }, 60_000);
});

/** What is live on this process's heap, in bytes. */
function heapUsed(): number {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  return process.memoryUsage().heapUsed;
}

async function usedMemory(client: ReturnType<typeof onlooker>): Promise<number> {
  return Number(/used_memory:(\d+)/.exec(await client.info('memory'))?.[1]);
}

describe('keys', () => {
  const names = [
    'plain',
    'a{b}c',
    '{}',
    '}',
    '}{',
    '%7D',
    '100%',
    'x:token',
    'x}:queue',
    'ü'.repeat(512),
    'a'.repeat(1024),
    '*',
    '[a]',
  ];

  test('all keys of a name are in one slot, whatever the name: they work on a server in cluster mode', async () => {
    // Not the port that it would choose, 10000 above its own: that may be somebody's outgoing connection.
    const bus = ['--cluster-port', `${await freePort()}`];
    const { url } = await ownServer({ args: ['--cluster-enabled', 'yes', ...bus] });
    const client = onlooker(url);
    await client.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
    await until(async () => String(await client.call('CLUSTER', 'INFO')).includes('cluster_state:ok'));
    const locks = await open(url);
    for (const name of names) {
      const readers = await Promise.all([1, 2].map(() => locks.acquire(name, { mode: 'shared' })));
      const wait = locks.acquire(name);
      await until(async () => (await pending(locks, name)) === 1);
      const keys = await client.keys('holdfast:*');
      const slots = await Promise.all(keys.map((key) => client.call('CLUSTER', 'KEYSLOT', key)));
      expect([keys.length, new Set(slots).size], name).toEqual([4, 1]);
      for (const reader of readers) await reader.release();
      await (await wait).release();
      await client.flushall();
    }
  });

  test('different names have different keys, and query gives each back as it was', async () => {
    const { url } = await ownServer();
    const locks = await open(url);
    const held = await Promise.all(names.map((name) => locks.acquire(name, { timeout: 2000 })));
    const shown = (await locks.query()).held.map(({ name }) => name);
    expect(shown.sort()).toEqual([...names].sort());
    await Promise.all(held.map((lock) => lock.release()));
    expect(await locks.query()).toEqual({ held: [], pending: [] });
  });

  test('finished and expired names leave nothing but the last token, and that not for ever', async () => {
    const { url } = await ownServer();
    const [locks, peer, client] = [await open(url), await startPeer(url), onlooker(url)];
    await (await locks.acquire('finished')).release();
    await (await locks.acquire('read', { mode: 'shared' })).release();
    const lock = await locks.acquire('waited for');
    await expect(locks.acquire('waited for', { timeout: 100 })).rejects.toThrow('not granted');
    await lock.release();
    await peer.acquire('expired', { ttl: 300 });
    await peer.acquire('expired readers', { ttl: 300, mode: 'shared' });
    const { granted } = await peer.enqueue('expired readers', { ttl: 300 });
    granted.catch(() => undefined);
    await peer.kill();
    await delay(500);
    // Who died while it waited is gone when the next one asks.
    await (await locks.acquire('expired readers')).release();
    const keys = await client.keys('holdfast:*');
    expect(keys.filter((key) => !key.endsWith(':token'))).toEqual([]);
    const lives = await Promise.all(keys.map((key) => client.pttl(key)));
    expect(Math.min(...lives)).toBeGreaterThan(0);
    expect(Math.max(...lives)).toBeLessThanOrEqual(3_700_000);
  });

  test('a name that all have abandoned disappears by itself', async () => {
    const { url } = await ownServer();
    const [peer, client] = [await startPeer(url), onlooker(url)];
    await peer.acquire('abandoned', { ttl: '1m' });
    const { granted } = await peer.enqueue('abandoned');
    granted.catch(() => undefined);
    await peer.kill();
    const keys = await client.keys('holdfast:*');
    expect(keys.length).toBe(3);
    for (const key of keys) expect(await client.pttl(key), key).toBeGreaterThan(0);
  });
});

describe('waiting processes', () => {
  test('the first in line watches a thief as it watched the holder before', async () => {
    const { url } = await ownServer();
    const [locks, thief] = [await open(url), await startPeer(url)];
    const lock = await locks.acquire('stolen', { ttl: '60s' });
    const mine = locks.acquire('stolen', { ttl: '60s' });
    await until(async () => (await pending(locks, 'stolen')) === 1);
    await thief.acquire('stolen', { ttl: 500, steal: true });
    await thief.kill();
    const startedAt = performance.now();
    await (await mine).release();
    expect(performance.now() - startedAt).toBeLessThan(3000);
    expect(lock.held).toBe(false);
  });

  test('a waiter that was killed is passed over in the release itself', async () => {
    const { url } = await ownServer();
    const [locks, killed, client] = [await open(url), await startPeer(url), onlooker(url)];
    const lock = await locks.acquire('next please', { ttl: '60s' });
    const { granted } = await killed.enqueue('next please', { ttl: '60s' });
    granted.catch(() => undefined);
    const mine = locks.acquire('next please', { ttl: '60s' });
    await until(async () => (await pending(locks, 'next please')) === 2);
    await killed.kill();
    await until(async () => (await connections(client)).messages.length === 1);
    await lock.release();
    await (await mine).release();
  });

  test('a waiter that is frozen keeps the lock for the time to confirm, however long the ttls are', async () => {
    const { url } = await ownServer();
    const [locks, frozen] = [await open(url), await startPeer(url)];
    const lock = await locks.acquire('next please', { ttl: '60s' });
    const { granted } = await frozen.enqueue('next please', { ttl: '60s' });
    const mine = locks.acquire('next please', { ttl: '60s' });
    await until(async () => (await pending(locks, 'next please')) === 2);
    await frozen.freeze();
    const releasedAt = performance.now();
    await lock.release();
    const next = await mine;
    expect(performance.now() - releasedAt).toBeGreaterThan(1900);
    expect(performance.now() - releasedAt).toBeLessThan(4000);
    frozen.thaw();
    await delay(300);
    // It has not taken the old message for a grant: it waits behind the one that came after it.
    expect(await pending(locks, 'next please')).toBe(1);
    await next.release();
    expect((await granted).fencingToken).toBeGreaterThan(next.fencingToken);
  });
});
