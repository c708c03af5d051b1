/** Guarantee 5: a grant is alive when it is handed over, however long it took. */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import type { ConformanceCase } from '../case.ts';
import { increasing, staysPending, within } from '../expect.ts';

export const alive: readonly ConformanceCase[] = [
  {
    id: 'alive/counted-from-the-request',
    title: 'on a slow network the time that an answer took is not counted as validity',
    requires: ['network'],
    async run(ctx) {
      const proxy = await ctx.proxy();
      const locks = await ctx.open(proxy);
      const ttl = Math.max(1200, ctx.time.ttl);
      // Connected before the network becomes slow.
      await (await locks.acquire(ctx.name())).release();
      proxy.delay(ttl / 4);
      const lock = await locks.acquire(ctx.name(), { ttl });
      // Whatever proved the hold, or the session that it lives in, its answer took half a ttl to come here.
      const left = ttl / 2;
      assert.ok(lock.remainingMs > 0, 'the lock was over when it was handed over');
      assert.ok(
        lock.remainingMs <= left,
        `${lock.remainingMs.toFixed(0)} ms are said to remain, but the backend may end it after ${left.toFixed(0)}`,
      );
      await lock.release();
    },
  },
  {
    id: 'alive/slower-than-the-ttl',
    title: 'on a network slower than the ttl nothing that is over is handed over',
    requires: ['network'],
    async run(ctx) {
      const proxy = await ctx.proxy();
      const [locks, direct] = [await ctx.open(proxy), await ctx.open()];
      const { ttl } = ctx.time;
      const name = ctx.name();
      await (await locks.acquire(ctx.name())).release();
      proxy.delay(0.7 * ttl);
      const excused = (error: { code?: unknown }): null => {
        assert.ok(error.code === 'LOCK_TIMEOUT' || error.code === 'BACKEND_UNAVAILABLE', String(error));
        return null;
      };
      // Caught here: the second may fail while the first is still under way.
      const attempts = [
        locks.tryAcquire(name, { ttl }).catch(excused),
        locks.acquire(name, { ttl, timeout: 2 * ttl }).catch(excused),
      ];
      for (const attempt of attempts) {
        const lock = await attempt;
        assert.ok(lock === null || (lock.held && lock.remainingMs > 0), 'a lock was handed over that was over');
        await lock?.release();
      }
      await proxy.restore();
      const next = await within(ctx.time.takeover + 2 * ttl, direct.acquire(name), 'the lock afterwards');
      await next.release();
    },
  },
  {
    id: 'alive/long-wait',
    title: 'who waited much longer than its ttl gets a live lock, and keeps it',
    requires: [],
    async run(ctx) {
      const [holder, waiter] = [await ctx.open(), await ctx.open()];
      const name = ctx.name();
      const { ttl } = ctx.time;
      const first = await holder.acquire(name);
      const { granted } = await ctx.enqueue(waiter, name, { ttl });
      await delay(2.2 * ttl);
      await first.release();
      const lock = await within(ctx.time.prompt, granted, 'the lock after a long wait');
      assert.ok(lock.held && lock.remainingMs > 0, 'a lock was handed over that was over');
      await delay(1.2 * ttl);
      assert.ok(lock.held && !lock.signal.aborted, 'the lock was lost after it was granted');
      await lock.release();
    },
  },
  {
    id: 'alive/frozen-waiter',
    title: 'a waiter that slept through its own grant reports no success for it, and gets the lock in its turn',
    requires: [],
    async run(ctx) {
      const [holder, behind, peer] = await Promise.all([ctx.open(), ctx.open(), ctx.peer()]);
      const name = ctx.name();
      const first = await holder.acquire(name);
      const sleeper = await peer.enqueue(name, { ttl: ctx.time.ttl });
      const { granted } = await ctx.enqueue(behind, name);
      await peer.freeze();
      await first.release();
      const second = await within(ctx.time.passedOver, granted, 'the one behind a frozen waiter');
      peer.thaw();
      await staysPending(ctx.time.ttl, sleeper.granted, 'the sleeper while another holds');
      assert.equal(second.held, true, 'the sleeper took the lock from its holder');
      await second.release();
      const last = await within(ctx.time.passedOver, sleeper.granted, 'the sleeper once the lock is free');
      assert.ok(last.handed.held && last.handed.remainingMs > 0, 'a lock was handed over that was over');
      increasing([first.fencingToken, second.fencingToken, last.fencingToken], 'around a frozen waiter');
      await last.release();
    },
  },
  {
    id: 'alive/never-more-than-the-ttl',
    title: 'a fresh lock has a little less than its ttl left',
    requires: [],
    async run(ctx) {
      const locks = await ctx.open();
      const ttl = 10 * ctx.time.ttl;
      const lock = await locks.acquire(ctx.name(), { ttl });
      assert.ok(lock.remainingMs < ttl && lock.remainingMs > ttl / 2, `${lock.remainingMs} of ${ttl} ms remain`);
      assert.equal(lock.held, true);
      await lock.release();
      assert.deepEqual([lock.held, lock.remainingMs, lock.signal.aborted], [false, 0, false], 'after the release');
    },
  },
];
