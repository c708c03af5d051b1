/** Guarantee 4: a holder knows of its loss no later than another can hold. */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import type { ConformanceCase } from '../case.ts';
import type { Context } from '../context.ts';
import type { FaultProxy } from '../proxy.ts';
import { rejectsWith, within } from '../expect.ts';
import { hostMs } from '../peer/protocol.ts';

export const loss: readonly ConformanceCase[] = [
  {
    id: 'loss/cut-off',
    title: 'a holder that is cut off knows of its loss before another holds',
    requires: ['network'],
    run: (ctx) => cutOff(ctx, (proxy) => proxy.blackhole()),
  },
  {
    id: 'loss/refused',
    title: 'a holder whose connections are refused knows of its loss before another holds',
    requires: ['network', 'after-ttl'],
    run: (ctx) => cutOff(ctx, (proxy) => proxy.refuse()),
  },
  {
    id: 'loss/connection-closed',
    title: 'a holder whose connection is closed knows of its loss at once where that frees the lock',
    requires: ['network', 'on-disconnect'],
    async run(ctx) {
      const proxy = await ctx.proxy();
      const [holder, waiter] = [await ctx.open(proxy), await ctx.open()];
      const name = ctx.name();
      const lock = await holder.acquire(name, { ttl: ctx.time.longTtl });
      const { granted } = await ctx.enqueue(waiter, name);
      proxy.cut();
      await within(ctx.time.prompt, aborted(lock.signal), 'its signal aborts, long before the ttl');
      assert.equal(lock.held, false);
      await within(ctx.time.prompt, lock.release(), 'releasing what was lost');
      const next = await within(ctx.time.prompt, granted, 'the next in line');
      assert.ok(next.fencingToken > lock.fencingToken, 'the token went back');
      await next.release();
      const again = await within(ctx.time.prompt, holder.acquire(name), 'the same client, over a new connection');
      await again.release();
    },
  },
  {
    id: 'loss/answers-lost',
    title: 'a holder that hears no answers gives up by itself, though the backend hears it',
    requires: ['network'],
    async run(ctx) {
      const proxy = await ctx.proxy();
      const holder = await ctx.open(proxy);
      const { ttl } = ctx.time;
      const lock = await holder.acquire(ctx.name(), { ttl });
      proxy.blackhole('answers');
      await within(ttl + ctx.time.prompt, aborted(lock.signal), 'its signal aborts though a renewal hangs');
      assert.equal(lock.held, false);
      await rejectsWith('LOCK_LOST', lock.renew(), 'renewing after the deadline');
    },
  },
  {
    id: 'loss/requests-lost',
    title: 'a holder whose renewals do not arrive knows of its loss before another holds',
    requires: ['network'],
    run: (ctx) => cutOff(ctx, (proxy) => proxy.blackhole('requests')),
  },
  {
    id: 'loss/short-outage',
    title: 'a connection that is cut and refused for less than a ttl costs no lock',
    requires: ['network', 'after-ttl'],
    async run(ctx) {
      const proxy = await ctx.proxy();
      const [holder, other] = [await ctx.open(proxy), await ctx.open()];
      const name = ctx.name();
      const ttl = Math.max(4 * ctx.time.ttl, 3000);
      const lock = await holder.acquire(name, { ttl });
      await proxy.refuse();
      await delay(ttl / 4);
      await proxy.restore();
      const until = hostMs() + ttl;
      while (hostMs() < until) {
        assert.equal(lock.signal.aborted, false, 'an outage shorter than the ttl was taken for a loss');
        assert.equal(await other.tryAcquire(name), null, 'another got the lock');
        await delay(ttl / 20);
      }
      assert.equal(lock.held, true);
      await lock.release();
    },
  },
  {
    id: 'loss/short-silence',
    title: 'a silence of less than a ttl costs no lock',
    requires: ['network', 'after-ttl'],
    async run(ctx) {
      const proxy = await ctx.proxy();
      const holder = await ctx.open(proxy);
      const ttl = Math.max(4 * ctx.time.ttl, 3000);
      const lock = await holder.acquire(ctx.name(), { ttl });
      // Over the time of the first renewal.
      proxy.blackhole();
      await delay(ttl / 2);
      await proxy.restore();
      await delay(0.7 * ttl);
      assert.equal(lock.signal.aborted, false, 'a silence shorter than the ttl was taken for a loss');
      assert.equal(lock.held, true);
      await lock.release();
    },
  },
  {
    id: 'loss/blocked-event-loop',
    title: 'a holder whose event loop was blocked past the ttl knows at once afterwards',
    requires: [],
    async run(ctx) {
      const peer = await ctx.peer();
      const { ttl } = ctx.time;
      const lock = await peer.acquire(ctx.name(), { ttl });
      const seen = await within(2 * ttl + ctx.time.prompt, lock.block(1.2 * ttl), 'blocking');
      assert.deepEqual(seen, { held: false, aborted: true, remainingMs: 0 }, 'before any timer has run');
      await rejectsWith('LOCK_LOST', lock.renew(), 'renewing what was lost');
    },
  },
  {
    id: 'loss/renewed-in-vain',
    title: 'a holder whose lock went to another does not get it back by renewing',
    requires: [],
    async run(ctx) {
      const [peer, locks] = await Promise.all([ctx.peer(), ctx.open()]);
      const name = ctx.name();
      const lost = await peer.acquire(name, { ttl: ctx.time.ttl });
      const { granted } = await ctx.enqueue(locks, name);
      await peer.freeze();
      const next = await within(ctx.time.takeover, granted, 'the lock of a frozen holder');
      peer.thaw();
      // Its renewals, if any, are on their way now.
      await delay(ctx.time.ttl);
      assert.equal((await lost.look()).held, false);
      assert.equal(next.held, true, 'the successor lost its lock');
      assert.equal(await (await ctx.open()).tryAcquire(name), null, 'the lock of the successor was given away');
      await next.release();
    },
  },
  {
    id: 'loss/request-rejects',
    title: 'request rejects with LockLostError when the lock was lost while its callback ran',
    requires: [],
    async run(ctx) {
      const locks = await ctx.open();
      const work = locks.request(ctx.name(), { ttl: ctx.time.ttl, renew: false }, async (lock) => {
        await within(ctx.time.takeover, aborted(lock.signal), 'the signal aborts at the ttl');
        return 'result';
      });
      const error = await rejectsWith('LOCK_LOST', work, 'a request that lost its lock');
      assert.equal((error as { reason?: unknown }).reason, 'expired');
    },
  },
  {
    id: 'loss/callback-error-wins',
    title: "the callback's own error wins, and carries the loss as its cause",
    requires: [],
    async run(ctx) {
      const locks = await ctx.open();
      const own = new Error('the work failed');
      const work = locks.request(ctx.name(), { ttl: ctx.time.ttl, renew: false }, async (lock) => {
        await within(ctx.time.takeover, aborted(lock.signal), 'the signal aborts at the ttl');
        throw own;
      });
      const error = await work.then(
        () => assert.fail('it was fulfilled'),
        (reason: unknown) => reason,
      );
      assert.equal(error, own);
      assert.equal((own.cause as { code?: unknown }).code, 'LOCK_LOST');
    },
  },
];

/** Both seen by one process: first the loss, then the grant. */
async function cutOff(ctx: Context, fail: (proxy: FaultProxy) => unknown): Promise<void> {
  const proxy = await ctx.proxy();
  const [holder, waiter] = [await ctx.open(proxy), await ctx.open()];
  const name = ctx.name();
  const lock = await holder.acquire(name, { ttl: ctx.time.ttl });
  const order: string[] = [];
  lock.signal.addEventListener('abort', () => order.push('lost'));
  const { granted } = await ctx.enqueue(waiter, name);
  await fail(proxy);
  const next = await within(ctx.time.takeover, granted, 'the lock of a holder that is cut off');
  order.push('granted');
  assert.deepEqual(order, ['lost', 'granted'], 'the holder must know of the loss before another holds');
  assert.equal(lock.held, false);
  await within(ctx.time.prompt, lock.release(), 'releasing what was lost');
  assert.equal(next.held, true);
  await next.release();
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
