import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { sharedServer } from '@holdfast/testbed';
import { describe, expect, test } from 'vitest';
import { database, one, open, optionsOf, pidsOf, raw, WAITING } from './scene.ts';

const server = optionsOf((await sharedServer('postgres')).url);

const CONNECTIONS = `SELECT count(*)::int AS value FROM pg_stat_activity
  WHERE application_name = 'holdfast' AND datname = current_database()`;
const LOCKS = `SELECT count(*)::int AS value FROM pg_locks l JOIN pg_database d ON d.oid = l.database
  WHERE locktype = 'advisory' AND objsubid = 1 AND datname = current_database()`;

describe('connections', () => {
  test('5000 locks that nobody else wants are held over one connection', async () => {
    const own = await database(server);
    const [locks, look] = [await open(own), await raw(own)];
    const held = await Promise.all(Array.from({ length: 5000 }, (_, i) => locks.acquire(`a ${i}`, { ttl: '20s' })));
    expect(await one(look, LOCKS)).toBe(5000);
    expect(await one(look, CONNECTIONS)).toBeLessThanOrEqual(2);
    expect(new Set(held.map(({ fencingToken }) => fencingToken)).size).toBe(5000);
    expect(held.every((lock) => lock.held)).toBe(true);
    await Promise.all(held.map((lock) => lock.release()));
    expect(await one(look, LOCKS)).toBe(0);
  });

  test('20 requests of one process for one name that another has wait by one connection', async () => {
    const own = await database(server);
    const [holder, locks, look] = [await open(own), await open(own), await raw(own)];
    const held = await holder.acquire('a');
    const order: number[] = [];
    const waits = Array.from({ length: 20 }, (_, i) => locks.request('a', () => void order.push(i)));
    for (const wait of waits) wait.catch(() => undefined);
    await expect.poll(() => one(look, WAITING)).toBe(1);
    // The holder's, and of those who wait: the one that tried, and the one that is blocked.
    expect(await one(look, CONNECTIONS)).toBe(3);
    await held.release();
    await Promise.all(waits);
    expect(order).toEqual(order.toSorted((a, b) => a - b));
  });

  test('100 readers and 100 holders of permits in one process need one connection', async () => {
    const own = await database(server);
    const [locks, look] = [await open({ ...own, connections: 1 }), await raw(own)];
    const readers = await Promise.all(Array.from({ length: 100 }, () => locks.acquire('r', { mode: 'shared' })));
    const permits = await Promise.all(Array.from({ length: 100 }, () => locks.acquire('p', { permits: 100 })));
    expect(await locks.tryAcquire('p', { permits: 100 })).toBeNull();
    expect(await one(look, CONNECTIONS)).toBe(1);
    for (const reader of readers.slice(1)) await reader.release();
    const other = await open(own);
    expect(await other.tryAcquire('r')).toBeNull();
    await readers[0]?.release();
    await (await other.acquire('r', { timeout: 1000 })).release();
    await Promise.all(permits.map((permit) => permit.release()));
    expect(await one(look, LOCKS)).toBe(0);
  });

  test('never more than `connections`: one too many fails with an error that names the option, and the others go on', async () => {
    const own = await database(server);
    const [holder, locks, look] = [
      await open(own),
      await open({ ...own, connections: 2, patience: 1000 }),
      await raw(own),
    ];
    const held = [await holder.acquire('a'), await holder.acquire('b')];
    const first = locks.acquire('a');
    first.catch(() => undefined);
    await expect.poll(() => one(look, WAITING)).toBe(1);
    const error = (await locks.acquire('b').catch((reason: unknown) => reason)) as { code: string; message: string };
    expect(error.code).toBe('BACKEND_UNAVAILABLE');
    expect(error.message).toContain('`connections`');
    // Two of the holder, two of the other.
    expect(await one(look, CONNECTIONS)).toBeLessThanOrEqual(4);
    await held[0]?.release();
    await (await first).release();
    await held[1]?.release();
  });

  test('with one connection, locks nest; one that another holds is a clear error and not a hang', async () => {
    const own = await database(server);
    const [holder, locks] = [await open(own), await open({ ...own, connections: 1, patience: 1000 })];
    const theirs = await holder.acquire('theirs');
    await locks.request('outer', async () => {
      await locks.request('inner', () => undefined);
      await expect(locks.request('theirs', () => undefined)).rejects.toThrow(/`connections`/);
      // The same name again would wait for itself.
      await expect(locks.request('outer', () => undefined)).rejects.toThrow(/`connections`/);
    });
    await theirs.release();
  });
});

describe('a session that is ended', () => {
  test('of a holder: its signal aborts at once, and the next in line holds', async () => {
    const own = await database(server);
    const [holder, waiter, admin] = [await open(own), await open(own), await raw(own)];
    const lock = await holder.acquire('a', { ttl: '30s' });
    const [pid] = await pidsOf(admin, 'holdfast');
    const next = waiter.acquire('a');
    await expect.poll(() => one(admin, WAITING)).toBe(1);
    const lost = new Promise((resolve) => lock.signal.addEventListener('abort', resolve));
    const startedAt = performance.now();
    await admin.query('SELECT pg_terminate_backend($1)', [pid]);
    await lost;
    expect(performance.now() - startedAt).toBeLessThan(1000);
    expect(lock.held).toBe(false);
    expect(lock.signal.reason).toMatchObject({ code: 'LOCK_LOST', reason: 'disconnected' });
    const second = await next;
    expect(second.fencingToken > lock.fencingToken).toBe(true);
    await second.release();
    // And the client goes on with another session.
    await (await holder.acquire('a')).release();
  });

  test('of a holder that had to wait: those behind it in its process go on, though it has yet to release', async () => {
    const own = await database(server);
    const [holder, waiter, admin] = [await open(own), await open(own), await raw(own)];
    const held = await holder.acquire('a');
    const [first, second] = [waiter.acquire('a'), waiter.acquire('a')];
    await expect.poll(async () => (await pidsOf(admin, 'holdfast', false)).length).toBe(1);
    const [pid] = await pidsOf(admin, 'holdfast', false);
    await held.release();
    const lost = await first;
    await admin.query('SELECT pg_terminate_backend($1)', [pid]);
    const next = await second;
    expect([lost.held, next.held]).toEqual([false, true]);
    await lost.release();
    expect(next.held).toBe(true);
    await next.release();
  });

  test('of a waiter: it enters the queue again', async () => {
    const own = await database(server);
    const [holder, waiter, admin] = [await open(own), await open(own), await raw(own)];
    const lock = await holder.acquire('a');
    const next = waiter.acquire('a');
    await expect.poll(async () => (await pidsOf(admin, 'holdfast', false)).length).toBe(1);
    const [pid] = await pidsOf(admin, 'holdfast', false);
    await admin.query('SELECT pg_terminate_backend($1)', [pid]);
    await expect
      .poll(async () => (await pidsOf(admin, 'holdfast', false)).filter((other) => other !== pid).length)
      .toBe(1);
    await lock.release();
    await (await next).release();
  });
});

describe('requests of one process', () => {
  test('are granted in the order in which they came, also while the lock becomes free', async () => {
    const own = await database(server);
    const [holder, locks] = [await open(own), await open(own)];
    for (let round = 0; round < 30; round += 1) {
      const held = await holder.acquire('a');
      const order: number[] = [];
      const work = [0, 1, 2].map((i) => locks.request('a', () => void order.push(i)));
      if (round % 3 > 0) await delay(round % 3);
      await held.release();
      await Promise.all(work);
      expect(order).toEqual([0, 1, 2]);
    }
  });
});

describe('an abort at the instant of the grant', () => {
  test('1000 times: nothing stays locked', { timeout: 120_000 }, async () => {
    const own = await database(server);
    const [holder, waiter, look] = [await open(own), await open(own), await raw(own)];
    let won = 0;
    let latest = 0;
    for (let round = 0; round < 1000; round += 1) {
      const lock = await holder.acquire('a');
      const controller = new AbortController();
      const wait = waiter.acquire('a', { signal: controller.signal });
      await delay(round % 3);
      const releasing = round % 2 === 0 ? lock.release() : undefined;
      if (round % 5 === 0) await Promise.resolve();
      const abortedAt = performance.now();
      controller.abort();
      const outcome = await wait.catch(() => null);
      latest = Math.max(latest, performance.now() - abortedAt);
      if (outcome !== null) won += 1;
      await outcome?.release();
      await (releasing ?? lock.release());
    }
    expect(won).toBeLessThan(1000);
    expect(latest).toBeLessThan(1000);
    expect(await one(look, LOCKS)).toBe(0);
    expect(await one(look, CONNECTIONS)).toBeLessThanOrEqual(6);
  });
});

describe('stealing', () => {
  test('takes one lock of many from a session, and the others stay', async () => {
    const [holder, thief] = [await open(server), await open(server)];
    const [name, other] = [randomUUID(), randomUUID()];
    const [lock, kept] = [await holder.acquire(name), await holder.acquire(other)];
    const stolen = await thief.acquire(name, { steal: true });
    expect([lock.held, kept.held, stolen.held]).toEqual([false, true, true]);
    expect(lock.signal.reason).toMatchObject({ reason: 'stolen' });
    await Promise.all([stolen.release(), kept.release()]);
  });

  test('takes all permits, and who waits for one stays in line', async () => {
    const [holder, waiter, thief] = [await open(server), await open(server), await open(server)];
    const name = randomUUID();
    const held = [await holder.acquire(name, { permits: 2 }), await holder.acquire(name, { permits: 2 })];
    const next = waiter.acquire(name, { permits: 2 });
    await expect.poll(async () => (await thief.query(name)).pending.length).toBe(1);
    const stolen = await thief.acquire(name, { steal: true });
    expect(held.map((permit) => permit.held)).toEqual([false, false]);
    await stolen.release();
    const permit = await next;
    expect(permit.fencingToken > stolen.fencingToken).toBe(true);
    await permit.release();
  });
});

describe('what it costs', () => {
  test('a lock that nobody else wants is two statements', async () => {
    const own = await database(server);
    const [locks, admin] = [await open(own), await raw(own)];
    await (await locks.acquire('a')).release();
    const calls = `SELECT xact_commit::int AS value FROM pg_stat_database WHERE datname = current_database()`;
    expect(await one(admin, CONNECTIONS)).toBe(1);
    // A session tells of its transactions at most once a second, and when it ends.
    const before = await one<number>(admin, calls);
    for (let i = 0; i < 500; i += 1) await (await locks.acquire('a')).release();
    await locks.close();
    const sent = async (): Promise<number> => (await one<number>(admin, calls)) - before;
    await expect.poll(sent, { interval: 300, timeout: 10_000 }).toBeGreaterThan(990);
    await delay(1200);
    // Beside them: the first lock, the opening of the session, our own looks, autovacuum.
    expect(await sent()).toBeLessThan(1050);
  });
});
