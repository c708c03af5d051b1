import { setTimeout as delay } from 'node:timers/promises';
import { sharedServer } from '@holdfast/testbed';
import { describe, expect, test } from 'vitest';
import { after, database, open, optionsOf, raw } from './scene.ts';

const server = optionsOf((await sharedServer('postgres')).url);

describe('query', () => {
  test('shows nobody who had waited and has released', { timeout: 60_000 }, async () => {
    const own = await database(server);
    const [holder, waiter, observer] = [await open(own), await open(own), await open(own)];
    for (let round = 0; round < 100; round += 1) {
      const lock = await holder.acquire('a');
      const waiting = waiter.acquire('a');
      await expect.poll(async () => (await observer.query('a')).pending.length, { interval: 5 }).toBe(1);
      await lock.release();
      await (await waiting).release();
      expect(await observer.query('a')).toEqual({ held: [], pending: [] });
    }
  });

  test('shows all that the asking client holds, whatever it is writing down', async () => {
    const locks = await open(await database(server));
    for (let round = 0; round < 20; round += 1) {
      const names = Array.from({ length: 20 }, (_, i) => `${round} ${i}`);
      const held = await Promise.all(names.map((name) => locks.acquire(name)));
      await delay(round);
      const late = await locks.acquire(`${round} late`);
      const shown = await locks.query();
      expect(new Set(shown.held.map(({ name }) => name))).toEqual(new Set([...names, `${round} late`]));
      await Promise.all([...held, late].map((lock) => lock.release()));
    }
  });
});

describe('the registry decides nothing', () => {
  test('locked by somebody for longer than the ttl: locks are held, taken and released all the same', async () => {
    const own = await database(server);
    const [locks, other, admin] = [await open(own), await open(own), await raw(own)];
    await (await other.acquire('warm')).release();
    const kept = await locks.acquire('kept', { ttl: 1500 });
    await delay(100);
    await admin.query('BEGIN; LOCK TABLE holdfast.registry IN ACCESS EXCLUSIVE MODE');
    const until = performance.now() + 4000;
    for (let i = 0; performance.now() < until; i += 1) {
      const lock = await locks.acquire(`a ${i}`, { ttl: 1500 });
      // Long enough to be written down.
      await delay(60);
      await lock.release();
      const again = await other.tryAcquire(`a ${i}`, { ttl: 1500 });
      expect(again).not.toBeNull();
      await again?.release();
    }
    expect(kept.held).toBe(true);
    await kept.release();
    const next = await other.tryAcquire('kept');
    expect(next).not.toBeNull();
    await admin.query('ROLLBACK');
    await next?.release();
    const seen = await locks.acquire('seen again');
    after(() => seen.release());
    await expect.poll(async () => (await other.query()).held.map(({ name }) => name)).toEqual(['seen again']);
  });

  test('removed by somebody while a lock is held: its release frees it', async () => {
    const own = await database(server);
    const [locks, other, admin] = [await open(own), await open(own), await raw(own)];
    await (await other.acquire('warm')).release();
    const [lock, reader] = [await locks.acquire('a'), await locks.acquire('b', { mode: 'shared' })];
    const permit = await locks.acquire('c', { permits: 2 });
    await expect.poll(async () => (await other.query()).held.length).toBe(3);
    await admin.query('DROP TABLE holdfast.registry');
    for (const held of [lock, reader, permit]) await held.release();
    for (const name of ['a', 'b', 'c']) {
      const next = await other.tryAcquire(name);
      expect([name, next !== null]).toEqual([name, true]);
      await next?.release();
    }
  });

  test('knows who holds over a connection that was given back by somebody who gave up waiting', async () => {
    const own = await database(server);
    const [holder, locks] = [await open(own), await open(own)];
    const lock = await holder.acquire('a');
    const controller = new AbortController();
    const given = locks.acquire('a', { signal: controller.signal });
    await expect.poll(async () => (await holder.query('a')).pending.length).toBe(1);
    controller.abort(new Error('given up'));
    await expect(given).rejects.toThrow('given up');
    const waiting = locks.acquire('a');
    await expect.poll(async () => (await holder.query('a')).pending.length).toBe(1);
    await lock.release();
    const next = await waiting;
    await expect.poll(async () => (await holder.query('a')).held.length).toBe(1);
    const thief = await holder.acquire('a', { steal: true });
    expect(next.signal.reason).toMatchObject({ reason: 'stolen' });
    await thief.release();
  });
});
