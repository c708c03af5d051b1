import { createLocks } from '@holdfast/core';
import { memory, memorySpace } from '@holdfast/memory';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, test, vi } from 'vitest';

afterEach(() => {
  vi.useRealTimers();
});

describe('which clients share their locks', () => {
  test('all of `memory:` in a thread, and none with another name', async () => {
    await using one = await createLocks('memory:');
    await using two = await createLocks({ backend: 'memory' });
    await using three = await createLocks(memory());
    await using other = await createLocks('memory:jobs');
    await using same = await createLocks('memory:%6aobs');
    await using lock = await one.acquire('name');
    expect(lock.held).toBe(true);
    expect(await two.tryAcquire('name')).toBeNull();
    expect(await three.tryAcquire('name')).toBeNull();
    await using job = await other.acquire('name');
    expect(job.held).toBe(true);
    expect(await same.tryAcquire('name')).toBeNull();
  });

  test('closing one client leaves the locks of the others', async () => {
    const one = await createLocks('memory:closing');
    await using two = await createLocks('memory:closing');
    await using lock = await two.acquire('theirs');
    await one.acquire('mine');
    await one.close();
    expect(lock.held).toBe(true);
    await using mine = await two.tryAcquire('mine');
    expect(mine?.held).toBe(true);
    expect((await two.query()).held.map(({ name }) => name).sort()).toEqual(['mine', 'theirs']);
  });

  test('`?shared=true` means a space that memorySpace({ name }) made, and never a new one', async () => {
    await expect(createLocks('memory:specifics?shared=true')).rejects.toThrow(/memorySpace\({ name: "specifics" }\)/);
    const space = memorySpace({ name: 'specifics' });
    await using byUrl = await createLocks('memory:specifics?shared=true');
    await using bySpace = await createLocks(memory({ space }));
    await using local = await createLocks('memory:specifics');
    await using lock = await byUrl.acquire('name');
    expect(await bySpace.tryAcquire('name')).toBeNull();
    await using apart = await local.acquire('name');
    expect([lock.held, apart.held]).toEqual([true, true]);
    expect(() => memorySpace({ name: 'specifics' })).toThrow(/shared with this thread already/);
  });
});

test.each([
  ['memory:jobs?shared=maybe', '`shared`'],
  ['memory://jobs', 'memory:name'],
  ['memory:jobs?ttl=3', 'ttl'],
  ['memory:%ff', 'percent-encoding'],
  ['memory:jobs#1', 'memory:name'],
])('the URL %s is refused with a message about %s', async (url, message) => {
  await expect(createLocks(url)).rejects.toThrow(message);
});

test.each([
  ['an object as space', () => memory({ space: {} as never }), 'memorySpace()'],
  ['a foreign buffer as space', () => memory({ space: { buffer: new SharedArrayBuffer(1) } }), 'memorySpace()'],
  ['name and space', () => memory({ name: 'a', space: memorySpace() }), 'not both'],
  ['an unknown option', () => memory({ nmae: 'a' } as never), 'nmae'],
  ['too small a bucket', () => memorySpace({ bucketBytes: 1 }), '`bucketBytes`'],
  ['no backends', () => memorySpace({ backends: 0 }), '`backends`'],
  ['an unknown option of the space', () => memorySpace({ threads: 4 } as never), 'threads'],
])('%s is refused', (_what, make, message) => {
  expect(make).toThrow(
    expect.objectContaining({ code: 'CONFIG', message: expect.stringContaining(message) as string }),
  );
});

describe.each([
  ['of one thread', () => memory({ name: 'both' })],
  [
    'that threads share',
    (() => {
      const space = memorySpace();
      return () => memory({ space });
    })(),
  ],
])('a space %s', (_kind, backend) => {
  test('never gives a token twice, even when the name is forgotten in between and the wall clock goes back', async () => {
    await using locks = await createLocks(backend());
    let last = 0n;
    const take = async (count: number): Promise<void> => {
      for (let i = 0; i < count; i += 1) {
        await locks.request('token', ({ fencingToken }) => {
          expect(fencingToken).toBeGreaterThan(last);
          last = fencingToken;
        });
      }
    };
    await take(500);
    vi.useFakeTimers({ toFake: ['Date'], now: 1000 });
    await take(500);
    expect(await locks.query()).toEqual({ held: [], pending: [] });
  });

  test('serves waiters of several clients in the order in which they came', async () => {
    await using one = await createLocks(backend());
    await using two = await createLocks(backend());
    const order: number[] = [];
    const enter = (i: number) => (i % 2 === 0 ? one : two).request('order', async () => void order.push(i));
    await Promise.all(Array.from({ length: 100 }, (_, i) => enter(i)));
    expect(order).toEqual(Array.from({ length: 100 }, (_, i) => i));
  });

  test('tells the holder at once that its lock was stolen', async () => {
    await using one = await createLocks(backend());
    await using two = await createLocks(backend());
    const victim = await one.acquire('steal');
    const startedAt = performance.now();
    const lost = new Promise((resolve) => victim.signal.addEventListener('abort', () => resolve(victim.signal.reason)));
    await two.request('steal', { steal: true }, async (lock) => {
      expect(await lost).toMatchObject({ code: 'LOCK_LOST', reason: 'stolen' });
      // It would find out by itself when it renews, 10 s later.
      expect(performance.now() - startedAt).toBeLessThan(5000);
      expect(lock.fencingToken).toBeGreaterThan(victim.fencingToken);
      await victim.release();
      expect(lock.held).toBe(true);
    });
  });

  test('passes on a lock that is not renewed when its time is up, and not before', async () => {
    await using one = await createLocks(backend());
    await using two = await createLocks(backend());
    const startedAt = performance.now();
    const first = await one.acquire('expiry', { ttl: 150, renew: false });
    await using second = await two.acquire('expiry');
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(150);
    expect([first.held, second.held]).toEqual([false, true]);
    expect((await two.query('expiry')).held).toHaveLength(1);
  });

  test('shows no lock whose time is up', async () => {
    await using locks = await createLocks(backend());
    await locks.acquire('unseen', { ttl: 20, renew: false });
    await delay(40);
    expect(await locks.query('unseen')).toEqual({ held: [], pending: [] });
  });
});

test('a full space refuses new requests with the option that enlarges it, and still serves those it has', async () => {
  const space = memorySpace({ bucketBytes: 4096 });
  await using locks = await createLocks(memory({ space }));
  const served: number[] = [];
  const holder = await locks.acquire('full');
  const results = Array.from({ length: 60 }, (_, i) => locks.request('full', () => served.push(i)));
  const refused = results.map((result) =>
    result.then(
      () => null,
      (error: unknown) => error,
    ),
  );
  await holder.release();
  const errors = (await Promise.all(refused)).filter((error) => error !== null);
  expect(errors.length).toBeGreaterThan(0);
  for (const error of errors)
    expect(error).toMatchObject({
      code: 'BACKEND_UNAVAILABLE',
      message: expect.stringContaining('`bucketBytes`') as string,
    });
  expect(served).toEqual(Array.from({ length: 60 - errors.length }, (_, i) => i));
  await using again = await locks.acquire('full');
  expect(again.held).toBe(true);
});

test('10 000 waiters of one name are all served, in order', async () => {
  await using locks = await createLocks('memory:crowd');
  const order: number[] = [];
  await Promise.all(Array.from({ length: 10_000 }, (_, i) => locks.request('crowd', () => order.push(i))));
  expect(order).toEqual(Array.from({ length: 10_000 }, (_, i) => i));
});
