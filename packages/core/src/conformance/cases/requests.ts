/** `request` as Web Locks have it: `ifAvailable`, and reentrancy where it is asked for. */
import assert from 'node:assert/strict';
import type { ConformanceCase } from '../case.ts';
import { later, rejectsWith, within } from '../expect.ts';

export const requests: readonly ConformanceCase[] = [
  {
    id: 'requests/if-available',
    title: 'ifAvailable calls back with null at once when the lock is not free',
    requires: [],
    async run(ctx) {
      const [holder, other] = [await ctx.open(), await ctx.open()];
      const name = ctx.name();
      const lock = await holder.acquire(name);
      assert.equal(await other.request(name, { ifAvailable: true }, (got) => got), null);
      await lock.release();
      assert.equal(await other.request(name, { ifAvailable: true }, (got) => got?.held), true);
      const next = await holder.tryAcquire(name);
      assert.ok(next !== null, 'request has ended, but the lock is not free');
      await next.release();
    },
  },
  {
    id: 'requests/nested-share',
    title: 'a reentrant request inside one for the same name shares its hold; the outer one frees it',
    requires: [],
    async run(ctx) {
      const [locks, other] = [await ctx.open(), await ctx.open()];
      const name = ctx.name();
      await locks.request(name, { reentrant: true }, async (outer) => {
        await locks.request(name, { reentrant: true }, async (inner) => {
          assert.equal(inner.fencingToken, outer.fencingToken);
          const innermost = await locks.tryAcquire(name, { reentrant: true });
          assert.equal(innermost?.fencingToken, outer.fencingToken);
          await innermost?.release();
        });
        assert.equal(outer.held, true, 'the inner request freed the lock');
        assert.equal(await other.tryAcquire(name), null, 'the inner request freed the lock');
      });
      const next = await other.tryAcquire(name);
      assert.ok(next !== null, 'the outer request has ended, but the lock is not free');
      await next.release();
    },
  },
  {
    id: 'requests/not-by-itself',
    title: 'without reentrant a nested request waits like any other',
    requires: [],
    async run(ctx) {
      const locks = await ctx.open();
      const name = ctx.name();
      await locks.request(name, async () => {
        assert.equal(await locks.tryAcquire(name), null);
        await rejectsWith('LOCK_TIMEOUT', locks.acquire(name, { timeout: 50 }), 'a nested request');
      });
    },
  },
  {
    id: 'requests/beside-not-inside',
    title: 'a reentrant request beside another, not inside it, queues',
    requires: [],
    async run(ctx) {
      const locks = await ctx.open();
      const name = ctx.name();
      const order: string[] = [];
      let entered = (): void => undefined;
      const inside = new Promise<void>((resolve) => {
        entered = resolve;
      });
      const first = later(
        locks.request(name, { reentrant: true }, async () => {
          entered();
          await new Promise((resolve) => setTimeout(resolve, 50));
          order.push('first');
        }),
      );
      await within(ctx.time.prompt, inside, 'the first request');
      const second = locks.request(name, { reentrant: true }, () => order.push('second'));
      await Promise.all([first, second]);
      assert.deepEqual(order, ['first', 'second']);
    },
  },
  {
    id: 'requests/no-upgrade',
    title: 'a reentrant exclusive request inside a shared one is refused: it would wait for itself',
    requires: ['shared'],
    async run(ctx) {
      const locks = await ctx.open();
      const name = ctx.name();
      await locks.request(name, { mode: 'shared', reentrant: true }, async () => {
        await rejectsWith('INVALID_ARGUMENT', locks.acquire(name, { reentrant: true }), 'an upgrade');
      });
      await locks.request(name, { reentrant: true }, async (outer) => {
        await locks.request(name, { mode: 'shared', reentrant: true }, (inner) =>
          assert.equal(inner.fencingToken, outer.fencingToken),
        );
      });
    },
  },
];
