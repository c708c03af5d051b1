/** A hold lasts as long as its holder lives and renews, and no longer. */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import type { ConformanceCase } from '../case.ts';
import type { Context } from '../context.ts';
import type { AcquireOptions } from '../../client/options.ts';
import { eventually, rejectsWith, within } from '../expect.ts';
import { hostMs } from '../peer/protocol.ts';

export const renewal: readonly ConformanceCase[] = [
  {
    id: 'renewal/keeps-the-lock',
    title: 'a lock that is held for three times its ttl stays held',
    requires: [],
    run: (ctx) => heldForLong(ctx, {}),
  },
  {
    id: 'renewal/keeps-a-shared-lock',
    title: 'a shared lock that is held for three times its ttl stays held',
    requires: ['shared'],
    run: (ctx) => heldForLong(ctx, { mode: 'shared' }),
  },
  {
    id: 'renewal/keeps-a-permit',
    title: 'a permit that is held for three times its ttl stays held',
    requires: ['semaphore'],
    run: (ctx) => heldForLong(ctx, { permits: 1 }),
  },
  {
    id: 'renewal/off',
    title: 'with renew: false the hold ends at its ttl; its holder knows before another gets the lock',
    requires: [],
    async run(ctx) {
      const [holder, waiter] = [await ctx.open(), await ctx.open()];
      const name = ctx.name();
      const { ttl } = ctx.time;
      const askedAt = hostMs();
      const lock = await holder.acquire(name, { ttl, renew: false });
      const order: string[] = [];
      lock.signal.addEventListener('abort', () => order.push('lost'));
      const { granted } = await ctx.enqueue(waiter, name);
      const next = await within(ctx.time.takeover, granted, 'the hold ends by itself');
      const lasted = hostMs() - askedAt;
      order.push('granted');
      assert.deepEqual(order, ['lost', 'granted'], 'the holder must know of the loss before another holds');
      assert.equal((lock.signal.reason as { code?: unknown }).code, 'LOCK_LOST');
      if (ctx.manifest.takeover === 'after-ttl') {
        assert.ok(lasted > 0.9 * ttl, `a ttl of ${ttl} ms ended after ${lasted.toFixed(0)} ms`);
      }
      await next.release();
    },
  },
  {
    id: 'renewal/by-hand',
    title: 'lock.renew() makes a hold last another ttl',
    requires: [],
    async run(ctx) {
      const [holder, other] = [await ctx.open(), await ctx.open()];
      const name = ctx.name();
      const { ttl } = ctx.time;
      const lock = await holder.acquire(name, { ttl, renew: false });
      for (let round = 0; round < 4; round += 1) {
        await delay(ttl / 2);
        await lock.renew();
        assert.ok(
          lock.remainingMs > ttl / 2 && lock.remainingMs <= ttl,
          `after renew() ${lock.remainingMs} of ${ttl} ms remain`,
        );
        assert.equal(await other.tryAcquire(name), null, 'a renewed lock was given to another');
      }
      await lock.release();
    },
  },
  {
    id: 'renewal/ends-with-the-release',
    title: 'after its release a lock stays free: nothing renews it any more',
    requires: [],
    async run(ctx) {
      const [holder, other] = [await ctx.open(), await ctx.open()];
      const name = ctx.name();
      const lock = await holder.acquire(name, { ttl: ctx.time.ttl });
      await delay(ctx.time.ttl / 2);
      await lock.release();
      const until = hostMs() + 1.2 * ctx.time.ttl;
      while (hostMs() < until) {
        const next = await other.tryAcquire(name);
        assert.ok(next !== null, 'a released lock is taken again by nobody');
        await next.release();
        await delay(ctx.time.ttl / 10);
      }
      await rejectsWith('LOCK_LOST', lock.renew(), 'renewing after the release');
    },
  },
  {
    id: 'renewal/many',
    title: 'dozens of locks held by one client all stay held',
    requires: [],
    async run(ctx) {
      const [holder, other] = [await ctx.open(), await ctx.open()];
      // A lock may cost a connection, and a stock server has about a hundred.
      const names = Array.from({ length: 64 }, () => ctx.name());
      const ttl = 2 * ctx.time.ttl;
      const held = await Promise.all(names.map((name) => holder.acquire(name, { ttl })));
      await delay(1.3 * ttl);
      assert.equal(held.filter((lock) => !lock.held || lock.signal.aborted).length, 0, 'locks were lost');
      const stolen = await Promise.all(names.map((name) => other.tryAcquire(name)));
      assert.equal(stolen.filter((lock) => lock !== null).length, 0, 'held locks were given to another');
      await Promise.all(held.map((lock) => lock.release()));
    },
  },
];

async function heldForLong(ctx: Context, options: AcquireOptions): Promise<void> {
  const [holder, other] = [await ctx.open(), await ctx.open()];
  const name = ctx.name();
  const { ttl } = ctx.time;
  const lock = await holder.acquire(name, { ...options, ttl });
  const until = hostMs() + 3 * ttl;
  while (hostMs() < until) {
    assert.equal(lock.held, true, 'the lock was lost');
    assert.ok(lock.remainingMs > 0 && lock.remainingMs <= ttl, `${lock.remainingMs} of ${ttl} ms remain`);
    assert.equal(await other.tryAcquire(name), null, 'a held lock was given to another');
    await delay(ttl / 10);
  }
  assert.equal(lock.signal.aborted, false, 'its signal aborted');
  await lock.release();
  const free = async (): Promise<true | undefined> => {
    const next = await other.tryAcquire(name);
    await next?.release();
    return next === null ? undefined : true;
  };
  await eventually(ctx.time.prompt, free, 'the lock is free after the release');
}
