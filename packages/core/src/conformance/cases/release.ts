/** Guarantee 7: a release frees the caller's own grant, once, and never hides what the work came to. */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import type { ConformanceCase } from '../case.ts';
import { rejectsWith, within } from '../expect.ts';
import { times } from '../section.ts';

export const release: readonly ConformanceCase[] = [
  {
    id: 'release/twice',
    title: 'releasing twice, also at the same time, frees once',
    requires: [],
    async run(ctx) {
      const [first, second, third] = [await ctx.open(), await ctx.open(), await ctx.open()];
      const name = ctx.name();
      const lock = await first.acquire(name);
      await Promise.all([lock.release(), lock.release()]);
      const next = await second.acquire(name);
      await lock.release();
      assert.equal(await third.tryAcquire(name), null, "a second release freed the successor's lock");
      assert.equal(next.held, true);
      await next.release();
    },
  },
  {
    id: 'release/own-grant-only',
    title: 'each release of one client frees its own grant and no other',
    requires: ['shared'],
    async run(ctx) {
      const [locks, writer] = [await ctx.open(), await ctx.open()];
      const name = ctx.name();
      const held = await Promise.all(times(3, () => locks.acquire(name, { mode: 'shared' })));
      for (const lock of held) {
        assert.equal(await writer.tryAcquire(name), null, 'the lock was freed while one still holds it');
        assert.equal(lock.held, true, 'the release of another ended this one');
        await lock.release();
      }
      const next = await writer.tryAcquire(name);
      assert.ok(next !== null, 'all have released, but it is not free');
      await next.release();
    },
  },
  {
    id: 'release/after-a-loss',
    title: 'a release after the loss is prompt, and frees nothing of the successor',
    requires: [],
    async run(ctx) {
      const [first, second, third] = [await ctx.open(), await ctx.open(), await ctx.open()];
      const name = ctx.name();
      const lost = await first.acquire(name, { ttl: ctx.time.ttl, renew: false });
      const next = await within(ctx.time.takeover, second.acquire(name), 'the hold ends by itself');
      await within(ctx.time.prompt, lost.release(), 'releasing what was lost');
      await lost.release();
      // Also what it does in the background.
      await delay(ctx.time.ttl / 3);
      assert.equal(await third.tryAcquire(name), null, "a late release freed the successor's lock");
      assert.equal(next.held, true);
      await next.renew();
      await next.release();
    },
  },
  {
    id: 'release/by-request',
    title: "request releases when its callback ends, and gives the callback's result or error",
    requires: [],
    async run(ctx) {
      const [locks, other] = [await ctx.open(), await ctx.open()];
      const name = ctx.name();
      assert.equal(await locks.request(name, (lock) => `${lock.name} ${lock.mode}`), `${name} exclusive`);
      const own = new Error('own');
      const failing = locks.request(name, () => Promise.reject(own));
      assert.equal(await failing.catch((error: unknown) => error), own);
      const next = await other.tryAcquire(name);
      assert.ok(next !== null, 'request has ended, but the lock is not free');
      await next.release();
    },
  },
  {
    id: 'release/by-scope',
    title: '`await using` releases at the end of the scope',
    requires: [],
    async run(ctx) {
      const [locks, other] = [await ctx.open(), await ctx.open()];
      const name = ctx.name();
      {
        await using lock = await locks.acquire(name);
        assert.equal(lock.held, true);
        assert.equal(await other.tryAcquire(name), null);
      }
      const next = await other.tryAcquire(name);
      assert.ok(next !== null, 'the scope has ended, but the lock is not free');
      await next.release();
    },
  },
  {
    id: 'release/unreachable',
    title: 'a backend that is out of reach at the release does not change what request gives back',
    requires: ['network'],
    async run(ctx) {
      const { limit } = ctx.time;
      // Outlasts the callback; what the backend was not told of ends soon enough to be seen to.
      const ttl = Math.max(2000, ctx.manifest.ttl.minMs);
      for (const fault of ['refuse', 'blackhole'] as const) {
        const proxy = await ctx.proxy();
        const locks = await ctx.open(proxy);
        const own = new Error('own');
        const outcome = async (result: () => string): Promise<unknown> =>
          locks.request(ctx.name(), { ttl }, async () => {
            await proxy[fault]();
            return result();
          });
        assert.equal(
          await within(
            limit / 2,
            outcome(() => 'result'),
            `a result with ${fault}`,
          ),
          'result',
        );
        await proxy.restore();
        const failing = outcome(() => {
          throw own;
        });
        assert.equal(
          await within(
            limit / 2,
            failing.catch((error: unknown) => error),
            `an error with ${fault}`,
          ),
          own,
        );
        await proxy.restore();
      }
    },
  },
  {
    id: 'release/renew-after',
    title: 'renewing after the release is refused',
    requires: [],
    async run(ctx) {
      const [locks, other] = [await ctx.open(), await ctx.open()];
      const name = ctx.name();
      const lock = await locks.acquire(name);
      await lock.release();
      await rejectsWith('LOCK_LOST', lock.renew(), 'renewing after the release');
      const next = await other.tryAcquire(name);
      assert.ok(next !== null, 'renewing took the lock again');
      await next.release();
    },
  },
];
