/** Guarantee 6, of clients: closing one leaves nothing behind. */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import type { ConformanceCase } from '../case.ts';
import { eventually, rejectsWith, within } from '../expect.ts';

/** How long a client may try to tell an unreachable backend of its releases, with time to give up. */
const CLOSE_MS = 10_000;

export const close: readonly ConformanceCase[] = [
  {
    id: 'close/ends-waits',
    title: 'closing ends waits with LocksClosedError, and takes them out of the queue',
    requires: [],
    async run(ctx) {
      const [holder, waiter, behind] = [await ctx.open(), await ctx.open(), await ctx.open()];
      const name = ctx.name();
      const lock = await holder.acquire(name);
      const { granted } = await ctx.enqueue(waiter, name);
      const { granted: next } = await ctx.enqueue(behind, name);
      const closing = waiter.close();
      await rejectsWith('LOCKS_CLOSED', granted, 'the wait of a closed client');
      await within(ctx.time.prompt, closing, 'closing');
      await lock.release();
      await (await within(ctx.time.prompt, next, 'the one behind a closed client')).release();
    },
  },
  {
    id: 'close/releases',
    title: 'closing releases what is held; its holders are told first',
    requires: [],
    async run(ctx) {
      const [holder, waiter] = [await ctx.open(), await ctx.open()];
      const [name, idle] = [ctx.name(), ctx.name()];
      const lock = await holder.acquire(name);
      await holder.acquire(idle);
      const order: string[] = [];
      lock.signal.addEventListener('abort', () => order.push('lost'));
      const { granted } = await ctx.enqueue(waiter, name);
      await within(ctx.time.prompt, holder.close(), 'closing');
      const next = await within(ctx.time.prompt, granted, 'the lock of a closed client');
      order.push('granted');
      assert.deepEqual(order, ['lost', 'granted']);
      assert.equal((lock.signal.reason as { code?: unknown }).code, 'LOCKS_CLOSED');
      assert.equal(lock.held, false);
      await lock.release();
      const other = await waiter.tryAcquire(idle);
      assert.ok(other !== null, 'a closed client still holds a lock');
      await Promise.all([next.release(), other.release()]);
    },
  },
  {
    id: 'close/refuses-requests',
    title: 'a closed client refuses every request; closing again is no error',
    requires: [],
    async run(ctx) {
      const locks = await ctx.open();
      const name = ctx.name();
      await Promise.all([locks.close(), locks.close()]);
      await locks.close();
      await rejectsWith('LOCKS_CLOSED', locks.acquire(name), 'acquire');
      await rejectsWith('LOCKS_CLOSED', locks.tryAcquire(name), 'tryAcquire');
      await rejectsWith(
        'LOCKS_CLOSED',
        locks.request(name, () => undefined),
        'request',
      );
      await rejectsWith('LOCKS_CLOSED', locks.query(name), 'query');
    },
  },
  {
    id: 'close/while-acquiring',
    title: 'closing while requests are on their way leaves nothing of them',
    requires: [],
    async run(ctx) {
      const other = await ctx.open();
      for (let round = 0; round < 5; round += 1) {
        const locks = await ctx.open();
        const name = ctx.name();
        const outcome = locks.acquire(name).then(
          () => 'granted',
          (error: { code?: unknown }) => error.code,
        );
        if (round > 0) await delay(round - 1);
        await locks.close();
        assert.ok(
          ['granted', 'LOCKS_CLOSED'].includes(String(await outcome)),
          `the request came to ${String(await outcome)}`,
        );
        const next = await other.tryAcquire(name);
        assert.ok(next !== null, 'a closed client left a hold behind');
        await next.release();
      }
    },
  },
  {
    id: 'close/connections',
    title: 'a closed client leaves no connection open',
    requires: ['network'],
    async run(ctx) {
      const proxy = await ctx.proxy();
      const locks = await ctx.open(proxy);
      const other = await ctx.open();
      const name = ctx.name();
      const lock = await other.acquire(name);
      const { granted } = await ctx.enqueue(locks, name);
      await lock.release();
      await granted;
      assert.ok(proxy.connections > 0, 'the client does not go through the proxy');
      await locks.close();
      await eventually(
        ctx.time.prompt,
        () => (proxy.connections === 0 ? true : undefined),
        'its connections are closed',
      );
    },
  },
  {
    id: 'close/unreachable',
    title: 'closing ends though the backend is silent; what it was not told ends with its ttl',
    requires: ['network'],
    async run(ctx) {
      const proxy = await ctx.proxy();
      const [locks, other] = [await ctx.open(proxy), await ctx.open()];
      const name = ctx.name();
      const lock = await locks.acquire(name, { ttl: ctx.time.ttl });
      proxy.blackhole();
      await within(
        CLOSE_MS,
        locks.close().catch(() => undefined),
        'closing',
      );
      assert.equal(lock.held, false);
      assert.equal(lock.signal.aborted, true);
      const next = await within(ctx.time.takeover, other.acquire(name), 'the lock of a closed client');
      await next.release();
    },
  },
];
