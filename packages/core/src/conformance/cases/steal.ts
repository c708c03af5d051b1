/** Taking a lock from its holders. */
import assert from 'node:assert/strict';
import type { ConformanceCase } from '../case.ts';
import { increasing, rejectsWith, within } from '../expect.ts';

export const steal: readonly ConformanceCase[] = [
  {
    id: 'steal/holder-learns',
    title: 'the holder that was stolen from learns of it by its signal, also in another process',
    requires: ['steal'],
    async run(ctx) {
      const [holder, thief, peer] = await Promise.all([ctx.open(), ctx.open(), ctx.peer()]);
      const name = ctx.name();
      // Far shorter than the ttl: the backend tells it, no deadline.
      const ttl = ctx.time.longTtl;
      const first = await peer.acquire(name, { ttl });
      const second = await thief.acquire(name, { ttl, steal: true });
      const loss = await within(ctx.time.prompt, first.loss(), 'the signal of the first holder');
      assert.deepEqual([loss.code, loss.reason], ['LOCK_LOST', 'stolen']);
      assert.deepEqual(await first.look(), { held: false, aborted: true, remainingMs: 0 });
      const third = await holder.acquire(name, { ttl, steal: true });
      const aborted = new Promise((resolve) => second.signal.addEventListener('abort', resolve));
      if (!second.signal.aborted) await within(ctx.time.prompt, aborted, 'the signal of the second holder');
      assert.equal((second.signal.reason as { reason?: unknown }).reason, 'stolen');
      assert.equal(second.held, false);
      increasing([first.fencingToken, second.fencingToken, third.fencingToken], 'after thefts');
      await third.release();
    },
  },
  {
    id: 'steal/harmless-release',
    title: 'what the former holder does afterwards changes nothing for the thief',
    requires: ['steal'],
    async run(ctx) {
      const [holder, thief, other] = [await ctx.open(), await ctx.open(), await ctx.open()];
      const name = ctx.name();
      const lost = await holder.acquire(name);
      const stolen = await thief.acquire(name, { steal: true });
      const [renewed, released] = [lost.renew(), lost.release()];
      await rejectsWith('LOCK_LOST', renewed, 'renewing what was stolen');
      await within(ctx.time.prompt, released, 'releasing what was stolen');
      assert.equal(await other.tryAcquire(name), null, "the former holder freed the thief's lock");
      assert.equal(stolen.held, true);
      await stolen.renew();
      await stolen.release();
    },
  },
  {
    id: 'steal/waiters-stay',
    title: 'a theft goes ahead of those who wait, who stay in line',
    requires: ['steal'],
    async run(ctx) {
      const [holder, waiter, thief] = [await ctx.open(), await ctx.open(), await ctx.open()];
      const name = ctx.name();
      await holder.acquire(name);
      const { granted } = await ctx.enqueue(waiter, name);
      const stolen = await within(ctx.time.prompt, thief.acquire(name, { steal: true }), 'the theft');
      let isGranted = false;
      const lock = granted.then((value) => {
        isGranted = true;
        return value;
      });
      await stolen.renew();
      assert.equal(isGranted, false, 'the waiter got in beside the thief');
      await stolen.release();
      await (await within(ctx.time.prompt, lock, 'the waiter after the thief')).release();
    },
  },
  {
    id: 'steal/from-readers',
    title: 'a theft from several readers ends all of their holds',
    requires: ['steal', 'shared'],
    async run(ctx) {
      const [a, b, thief] = [await ctx.open(), await ctx.open(), await ctx.open()];
      const name = ctx.name();
      const readers = [await a.acquire(name, { mode: 'shared' }), await b.acquire(name, { mode: 'shared' })];
      const losses = readers.map(
        ({ signal }) => new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve())),
      );
      const stolen = await thief.acquire(name, { steal: true });
      await within(ctx.time.prompt, Promise.all(losses), 'the signals of both readers');
      assert.equal(await a.tryAcquire(name, { mode: 'shared' }), null, 'a reader got in beside the thief');
      await stolen.release();
    },
  },
  {
    id: 'steal/free-lock',
    title: 'stealing a free lock is to acquire it',
    requires: ['steal'],
    async run(ctx) {
      const [locks, other] = [await ctx.open(), await ctx.open()];
      const name = ctx.name();
      const lock = await locks.acquire(name, { steal: true });
      assert.equal(await other.tryAcquire(name), null);
      await lock.release();
      const next = await other.tryAcquire(name);
      assert.ok(next !== null);
      await next.release();
    },
  },
  {
    id: 'steal/request-rejects',
    title: 'the request that was stolen from rejects with LockLostError',
    requires: ['steal'],
    async run(ctx) {
      const [holder, thief] = [await ctx.open(), await ctx.open()];
      const name = ctx.name();
      const work = holder.request(name, async ({ signal }) => {
        const lost = new Promise((resolve) => signal.addEventListener('abort', resolve));
        const stolen = await thief.acquire(name, { steal: true });
        await within(ctx.time.prompt, lost, 'the signal');
        await stolen.release();
      });
      const error = await rejectsWith('LOCK_LOST', work, 'a request that was stolen from');
      assert.equal((error as { reason?: unknown }).reason, 'stolen');
    },
  },
];
