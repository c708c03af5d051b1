import { randomUUID } from 'node:crypto';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { setTimeout as delay } from 'node:timers/promises';
import type { Lock, Locks } from '@holdfast/core';
import { sharedServer } from '@holdfast/testbed';
import { describe, expect, onTestFinished, test } from 'vitest';
import { adapter } from '../src/index.ts';
import { CountingProxy, grants, verbs } from './counting-proxy.ts';
import { clients, enqueue, lineUp } from './line.ts';
import { open, openPeer, Operator, ownServer } from './scene.ts';

describe('a release that grants', () => {
  test('is one transaction; the token is what `query` shows, and all else that it shows stays', async () => {
    const { url } = await ownServer();
    const proxy = await CountingProxy.start(url);
    const [holder, waiter, behind] = (await clients(proxy.url, 3)) as [Locks, Locks, Locks];
    const [lock, next, last] = (await lineUp(url, 'a', holder, waiter, behind)) as [Lock, Promise<Lock>, Promise<Lock>];
    const [before] = (await holder.query('a')).pending;
    const sent: string[][] = [];
    proxy.onTransaction = (operations) => {
      sent.push(verbs(operations));
      return 'pass';
    };
    await lock.release();
    const granted = await next;
    const { held, pending } = await holder.query('a');
    expect(sent).toEqual([['check-session', 'check-index', 'lock', 'delete']]);
    expect(held).toEqual([{ ...before, fencingToken: granted.fencingToken }]);
    expect(pending).toHaveLength(1);
    expect(granted.fencingToken > lock.fencingToken).toBe(true);
    await granted.release();
    await (await last).release();
  });

  test('of one process to itself needs no further request at all', async () => {
    const { url } = await ownServer();
    const proxy = await CountingProxy.start(url);
    const locks = await open(proxy.url);
    const [lock, next, last] = (await lineUp(url, 'a', locks, locks, locks)) as [Lock, Promise<Lock>, Promise<Lock>];
    const counts = await proxy.counts(async () => {
      await lock.release();
      await next;
      await delay(100);
    });
    expect(counts['PUT txn']).toBe(1);
    // The blocking query of the session is asked anew every 10 s.
    expect(counts['GET kv'] ?? 0).toBeLessThanOrEqual(1);
    await (await next).release();
    await (await last).release();
  });

  test('goes to a waiter of the same process also if the holder was alone when it was granted the lock', async () => {
    const proxy = await CountingProxy.start((await ownServer()).url);
    const locks = await open(proxy.url);
    const lock = await locks.acquire('a', { ttl: '60s' });
    const contended = new Promise((resolve) => {
      subscribe('holdfast:contended', resolve);
      onTestFinished(() => void unsubscribe('holdfast:contended', resolve));
    });
    const granted = locks.acquire('a', { ttl: '60s' });
    await contended;
    const sent: string[][] = [];
    proxy.onTransaction = (operations) => {
      sent.push(verbs(operations));
      return 'pass';
    };
    await lock.release();
    const next = await granted;
    expect(sent).toEqual([['check-session', 'check-index', 'lock', 'delete']]);
    await next.release();
  });

  test('goes down a line of ten, each of another client, and the next one claims only if the holder had no time to read who is behind', async () => {
    const { url } = await ownServer();
    const proxy = await CountingProxy.start(url);
    const locks = await clients(proxy.url, 10);
    const [holder, ...waiters] = locks as [Locks, ...Locks[]];
    const [first, ...waits] = await lineUp(url, 'a', holder, ...waiters);
    let granting = 0;
    proxy.onTransaction = (operations) => {
      if (grants(operations)) granting += 1;
      return 'pass';
    };
    let token = first.fencingToken;
    let lock = first;
    for (const wait of waits) {
      // For as long as it takes to read who is behind.
      await delay(100);
      await lock.release();
      lock = await wait;
      expect(lock.fencingToken > token).toBe(true);
      token = lock.fencingToken;
    }
    await lock.release();
    // A machine that is slow for a moment may not have read it yet.
    expect(granting).toBeGreaterThan(waits.length / 2);
    expect(await holder.query('a')).toEqual({ held: [], pending: [] });
  });

  test('knows nothing of who came after the holder read the queue: that one asks', async () => {
    const { url } = await sharedServer('consul');
    const [holder, waiter] = (await clients(url, 2)) as [Locks, Locks];
    const name = randomUUID();
    const [lock] = await lineUp(url, name, holder);
    const { granted } = await enqueue(waiter, name);
    await lock.release();
    const next = await granted;
    expect(next.fencingToken > lock.fencingToken).toBe(true);
    await next.release();
  });

  test('of one who knows from its process who is behind: if that one has given up since, it looks, and grants to the next', async () => {
    const { url } = await ownServer();
    const proxy = await CountingProxy.start(url);
    const [first, given, own] = [await open(url), await open(url), await open(proxy.url)];
    const abort = new AbortController();
    const before = await (await open(url)).acquire('a', { ttl: '60s' });
    const { granted: claimed } = await enqueue(first, 'a');
    const { granted: second } = await enqueue(own, 'a');
    const { granted: gone } = await enqueue(given, 'a', { signal: abort.signal });
    const { granted: third } = await enqueue(own, 'a');
    await before.release();
    const holder = await claimed;
    abort.abort(new Error('given up'));
    await expect(gone).rejects.toThrow('given up');
    const sent: string[] = [];
    proxy.onTransaction = (operations) => {
      sent.push(verbs(operations).join(' '));
      return 'pass';
    };
    await holder.release();
    const next = await second;
    await delay(100);
    await next.release();
    const last = await third;
    expect(last.fencingToken > next.fencingToken).toBe(true);
    expect(sent).toEqual(['check-index get-tree', 'check-session check-index lock delete']);
    await last.release();
  });

  test('of more names at once than a process watches own keys: the rest asks', async () => {
    const { url } = await sharedServer('consul');
    const [before, holder, waiter] = (await clients(url, 3)) as [Locks, Locks, Locks];
    const prepare = async (name: string): Promise<{ lock: Lock; next: Promise<Lock> }> => {
      const first = await before.acquire(name, { ttl: '60s' });
      const { granted } = await enqueue(holder, name);
      const { granted: next } = await enqueue(waiter, name);
      await first.release();
      return { lock: await granted, next };
    };
    const all = await Promise.all(Array.from({ length: 15 }, () => prepare(randomUUID())));
    await Promise.all(all.map(({ lock }) => lock.release()));
    for (const { lock, next } of all) {
      const granted = await next;
      expect(granted.fencingToken > lock.fencingToken).toBe(true);
      expect((await holder.query(lock.name)).held).toMatchObject([{ fencingToken: granted.fencingToken }]);
      await granted.release();
    }
  });

  test('goes to nobody whose session is over: the one behind holds', async () => {
    const server = await ownServer();
    const [before, holder, dead, behind] = (await clients(server.url, 4)) as [Locks, Locks, Locks, Locks];
    const operator = new Operator(server.url);
    const first = await before.acquire('a', { ttl: '60s' });
    const { granted } = await enqueue(holder, 'a');
    const others = (await operator.sessions()).map(({ ID }) => ID);
    const { granted: again } = await enqueue(dead, 'a');
    const its = (await operator.sessions()).map(({ ID }) => ID).filter((id) => !others.includes(id));
    const { granted: last } = await enqueue(behind, 'a');
    await first.release();
    const lock = await granted;
    await Promise.all(its.map((id) => operator.ask('PUT', `session/destroy/${id}`)));
    await lock.release();
    const next = await last;
    expect((await holder.query('a')).held).toMatchObject([{ fencingToken: next.fencingToken }]);
    await next.release();
    // It has entered again, at the end.
    const late = await again;
    expect(late.fencingToken > next.fencingToken).toBe(true);
    await late.release();
  });

  test('whose answer is lost has released, and the next one holds', async () => {
    const { url } = await ownServer();
    const proxy = await CountingProxy.start(url);
    const [before, waiter] = (await clients(url, 2)) as [Locks, Locks];
    const backend = await adapter.create({ url: proxy.url });
    const first = await before.acquire('a', { ttl: '60s' });
    const client = { id: randomUUID(), host: 'here', pid: 1 };
    const { signal } = new AbortController();
    let contended = (): void => undefined;
    const inLine = new Promise<void>((resolve) => (contended = resolve));
    const wait = backend.acquire({
      ...{ name: 'a', owner: randomUUID(), mode: 'exclusive', ttlMs: 60_000, wait: true, steal: false, renew: true },
      ...{ signal, aborted: false, client, onContended: () => contended() },
    });
    await inLine;
    const { granted } = await enqueue(waiter, 'a');
    await first.release();
    const grant = await wait;
    if (grant === null) throw new Error('not granted');
    let tries = 0;
    proxy.onTransaction = (operations) => {
      if (!grants(operations)) return 'pass';
      tries += 1;
      return tries === 1 ? 'lose' : 'pass';
    };
    expect(await backend.release(grant)).toBe('released');
    expect(tries).toBe(2);
    const next = await granted;
    expect(next.fencingToken > grant.fencingToken).toBe(true);
    expect((await waiter.query('a')).held).toMatchObject([{ fencingToken: next.fencingToken }]);
    await next.release();
    await backend.close();
  });

  test('whose answer is lost, to a waiter of the same process: it holds once', async () => {
    const { url } = await ownServer();
    const proxy = await CountingProxy.start(url);
    const locks = await open(proxy.url);
    const [lock, next] = (await lineUp(url, 'a', locks, locks)) as [Lock, Promise<Lock>];
    let isFirst = true;
    proxy.onTransaction = (operations) => {
      if (!grants(operations) || !isFirst) return 'pass';
      isFirst = false;
      return 'lose';
    };
    await lock.release();
    const granted = await next;
    expect(isFirst).toBe(false);
    expect((await locks.query('a')).held).toMatchObject([{ fencingToken: granted.fencingToken }]);
    await granted.release();
    expect(await locks.query('a')).toEqual({ held: [], pending: [] });
  });

  test(
    'to one that gives up at this moment leaves nothing behind, and the one behind holds',
    { timeout: 60_000 },
    async () => {
      const { url } = await sharedServer('consul');
      const [before, holder, waiter, behind] = (await clients(url, 4)) as [Locks, Locks, Locks, Locks];
      let granted = 0;
      for (let round = 0; round < 40; round += 1) {
        const name = randomUUID();
        const first = await before.acquire(name, { ttl: '60s' });
        const { granted: claimed } = await enqueue(holder, name);
        const abort = new AbortController();
        // Of the same process in every other round.
        const { granted: wait } = await enqueue(round % 2 === 0 ? waiter : holder, name, { signal: abort.signal });
        const { granted: last } = await enqueue(behind, name);
        await first.release();
        const lock = await claimed;
        const released = lock.release();
        await delay((round % 10) / 4);
        abort.abort();
        const [outcome] = await Promise.allSettled([wait, released]);
        if (outcome.status === 'fulfilled') {
          granted += 1;
          await outcome.value.release();
        }
        await (await last).release();
        expect(await holder.query(name)).toEqual({ held: [], pending: [] });
      }
      expect(granted).toBeLessThan(40);
    },
  );

  test('to a process that is frozen: when it wakes after its ttl, to an old answer, it does not hold', async () => {
    const server = await ownServer();
    const [before, holder, behind] = (await clients(server.url, 3)) as [Locks, Locks, Locks];
    const peer = await openPeer(server.url);
    const first = await before.acquire('a', { ttl: '60s' });
    const { granted: claimed } = await enqueue(holder, 'a');
    const { granted: wait } = await peer.enqueue('a', { ttl: '2s' });
    const { granted: last } = await enqueue(behind, 'a');
    await first.release();
    const lock = await claimed;
    // Until it watches its own key.
    await delay(200);
    await peer.freeze();
    await lock.release();
    // By the server it holds.
    const [shown] = (await holder.query('a')).held;
    expect(shown?.pid).not.toBe(process.pid);
    const next = await last;
    peer.thaw();
    await expect.poll(async () => (await holder.query('a')).pending.length).toBe(1);
    expect(next.held).toBe(true);
    await next.release();
    const late = await wait;
    expect(late.fencingToken > next.fencingToken).toBe(true);
    await late.release();
  });
});
