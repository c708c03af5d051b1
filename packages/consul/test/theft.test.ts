import { setTimeout as delay } from 'node:timers/promises';
import type { Lock, Locks } from '@holdfast/core';
import { describe, expect, test } from 'vitest';
import { CountingProxy, verbs } from './counting-proxy.ts';
import type { Fate } from './counting-proxy.ts';
import { clients, enqueue, lineUp } from './line.ts';
import { lost, open, Operator, ownServer } from './scene.ts';

interface KeyIndexes {
  readonly CreateIndex: number;
  readonly ModifyIndex: number;
}

describe('a theft beside a release that grants', () => {
  /** A thief whose last transaction is held up until `go` is called. */
  async function heldUp(url: string, name: string): Promise<{ stolen: Promise<Lock>; go: () => void }> {
    const proxy = await CountingProxy.start(url);
    const thief = await open(proxy.url);
    let go = (): void => undefined;
    const until = new Promise<void>((resolve) => (go = resolve));
    let arrived = (): void => undefined;
    const isHeldUp = new Promise<void>((resolve) => (arrived = resolve));
    proxy.onTransaction = async (operations): Promise<Fate> => {
      if (!operations.some(({ Verb, Key }) => Verb === 'delete' && Key.includes(name))) return 'pass';
      arrived();
      await until;
      return 'pass';
    };
    const stolen = thief.acquire(name, { steal: true, ttl: '60s' });
    await isHeldUp;
    return { stolen, go };
  }

  test.each(['of another process', 'of the same process'])(
    'finds whom its victim has granted the lock by its release, %s, and spares who waits',
    async (where) => {
      const { url } = await ownServer();
      const [holder, other, behind] = (await clients(url, 3)) as [Locks, Locks, Locks];
      const waiter = where === 'of the same process' ? holder : other;
      const [lock, next, last] = (await lineUp(url, 'a', holder, waiter, behind)) as [
        Lock,
        Promise<Lock>,
        Promise<Lock>,
      ];
      const { stolen, go } = await heldUp(url, 'a');
      await lock.release();
      const granted = await next;
      expect(granted.held).toBe(true);
      const [inLine] = (await holder.query('a')).pending.slice(-1);
      go();
      const theft = await stolen;
      expect(theft.fencingToken > granted.fencingToken).toBe(true);
      await lost(granted.signal);
      expect(granted.held).toBe(false);
      expect((await holder.query('a')).pending).toEqual([inLine]);
      await theft.release();
      const after = await last;
      expect(after.fencingToken > theft.fencingToken).toBe(true);
      await after.release();
    },
  );

  test('is seen by whom its victim has granted the lock, though that one knows from its process who is behind: it grants to nobody', async () => {
    const { url } = await ownServer();
    const proxy = await CountingProxy.start(url);
    const [holder, other, own] = [await open(url), await open(url), await open(proxy.url)];
    const [lock, next, behind, last] = (await lineUp(url, 'a', holder, own, other, own)) as [
      Lock,
      ...[Promise<Lock>, Promise<Lock>, Promise<Lock>],
    ];
    const { stolen, go } = await heldUp(url, 'a');
    const sent: string[] = [];
    proxy.onTransaction = (operations) => {
      sent.push(verbs(operations).join(' '));
      return 'pass';
    };
    await lock.release();
    const granted = await next;
    await delay(100);
    await granted.release();
    await delay(100);
    expect(sent.slice(0, 2)).toEqual(['check-index get-tree', 'check-session delete']);
    go();
    const theft = await stolen;
    expect(theft.fencingToken > granted.fencingToken).toBe(true);
    await theft.release();
    for (const wait of [behind, last]) await (await wait).release();
  });

  test('is of no harm to one that has entered twice, of which the first attempt arrives at last: that one claims the lock', async () => {
    const { url } = await ownServer();
    const proxy = await CountingProxy.start(url);
    const [before, holder, waiter] = [await open(url), await open(url), await open(proxy.url)];
    const first = await before.acquire('a', { ttl: '60s' });
    const { granted } = await enqueue(holder, 'a');
    let isFirst = true;
    proxy.onTransaction = (operations) => {
      if (!verbs(operations).includes('get-tree') || !isFirst) return 'pass';
      isFirst = false;
      return 'late';
    };
    const { granted: next } = await enqueue(waiter, 'a');
    await first.release();
    const lock = await granted;
    const { stolen, go } = await heldUp(url, 'a');
    await lock.release();
    // Until it has heard of its grant.
    await delay(200);
    expect(await proxy.deliver()).toBe(1);
    go();
    const theft = await stolen;
    await theft.release();
    const last = await next;
    expect(last.fencingToken > theft.fencingToken).toBe(true);
    await last.release();
  });

  test('finds one that was granted the lock, though a claim that it had made before arrives at last', async () => {
    const { url } = await ownServer();
    const proxy = await CountingProxy.start(url);
    const [before, holder, other, waiter] = [await open(url), await open(url), await open(url), await open(proxy.url)];
    const first = await before.acquire('a', { ttl: '60s' });
    const { granted: claimed } = await enqueue(holder, 'a');
    const abort = new AbortController();
    await enqueue(other, 'a', { signal: abort.signal });
    const { granted: next } = await enqueue(waiter, 'a');
    const fates: Fate[] = ['late'];
    let claims = 0;
    proxy.onTransaction = (operations) => {
      const isClaim = verbs(operations).includes('get-tree') && operations[0]?.Key.includes('/queue/');
      if (!isClaim) return 'pass';
      claims += 1;
      return fates.shift() ?? 'pass';
    };
    // Who waits directly behind one that gives up claims the lock, in vain.
    abort.abort();
    const keys = async (): Promise<readonly KeyIndexes[]> =>
      (await new Operator(url).ask('GET', 'kv/holdfast/queue/a/?recurse')) as readonly KeyIndexes[];
    await expect
      .poll(async () => (await keys()).some(({ CreateIndex, ModifyIndex }) => ModifyIndex > CreateIndex))
      .toBe(true);
    await first.release();
    const lock = await claimed;
    const { stolen, go } = await heldUp(url, 'a');
    await lock.release();
    const granted = await next;
    expect(claims).toBe(2);
    expect(await proxy.deliver()).toBe(1);
    go();
    const theft = await stolen;
    expect(theft.fencingToken > granted.fencingToken).toBe(true);
    await lost(granted.signal);
    expect(granted.held).toBe(false);
    await theft.release();
  });

  test('spares who was not granted the lock, though its victim has released', async () => {
    const { url } = await ownServer();
    const [holder, waiter, behind] = (await clients(url, 3)) as [Locks, Locks, Locks];
    // It was alone when it was granted the lock, so its release grants to nobody.
    const lock = await holder.acquire('a', { ttl: '60s' });
    const { granted: next } = await enqueue(waiter, 'a');
    const { granted: last } = await enqueue(behind, 'a');
    const { stolen, go } = await heldUp(url, 'a');
    const waiting = (await holder.query('a')).pending.slice(-2);
    await lock.release();
    await delay(100);
    go();
    const theft = await stolen;
    expect((await holder.query('a')).pending).toEqual(waiting);
    await theft.release();
    const granted = await next;
    expect(granted.fencingToken > theft.fencingToken).toBe(true);
    await granted.release();
    await (await last).release();
  });
});
