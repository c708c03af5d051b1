/** Guarantee 6, when the backend can't be reached: a failed request leaves nothing, and the client recovers. */
import assert from 'node:assert/strict';
import type { ConformanceCase } from '../case.ts';
import type { Context } from '../context.ts';
import { eventually, rejectsWith, within } from '../expect.ts';

/** A client that can't reach its backend must have said so by then, in ms. */
const GIVE_UP_MS = 15_000;

export const outage: readonly ConformanceCase[] = [
  {
    id: 'outage/refused',
    title: 'a refused connection is reported, leaves nothing, and is forgotten once the backend is back',
    requires: ['network'],
    async run(ctx) {
      const proxy = await ctx.proxy();
      await proxy.refuse();
      const name = ctx.name();
      const attempt = async (): Promise<unknown> => (await ctx.open(proxy)).acquire(name);
      const error = await within(
        GIVE_UP_MS,
        rejectsWith('BACKEND_UNAVAILABLE', attempt(), 'acquire'),
        'reporting a refused connection',
      );
      assert.ok(error.cause !== undefined, 'the error carries what the driver said');
      await assertFree(ctx, name);
    },
  },
  {
    id: 'outage/recovers',
    title: 'a client whose backend was out of reach works again once it is back',
    requires: ['network'],
    async run(ctx) {
      const proxy = await ctx.proxy();
      const locks = await ctx.open(proxy);
      const name = ctx.name();
      await (await locks.acquire(name)).release();
      await proxy.refuse();
      const failed = await within(
        GIVE_UP_MS,
        locks.acquire(name, { timeout: 500 }).catch((error: { code?: unknown }) => error.code),
        'giving up',
      );
      assert.ok(failed === 'LOCK_TIMEOUT' || failed === 'BACKEND_UNAVAILABLE', String(failed));
      await proxy.restore();
      const again = async (): Promise<true | undefined> => {
        const lock = await locks.tryAcquire(name).catch((error: { code?: unknown }) => {
          assert.equal(error.code, 'BACKEND_UNAVAILABLE', String(error));
          return null;
        });
        await lock?.release();
        return lock === null ? undefined : true;
      };
      await eventually(GIVE_UP_MS, again, 'it works again');
    },
  },
  {
    id: 'outage/answer-lost',
    title: 'a request whose answer was lost holds nothing once its caller has given up',
    requires: ['network'],
    async run(ctx) {
      const proxy = await ctx.proxy();
      const locks = await ctx.open(proxy);
      const name = ctx.name();
      const { ttl } = ctx.time;
      await (await locks.acquire(ctx.name())).release();
      proxy.blackhole('answers');
      const work = locks.acquire(name, { ttl, timeout: 200 });
      const code = await within(
        GIVE_UP_MS,
        work.then(
          () => 'granted',
          (error: { code?: unknown }) => error.code,
        ),
        'giving up',
      );
      assert.ok(code === 'LOCK_TIMEOUT' || code === 'BACKEND_UNAVAILABLE', `the request came to ${String(code)}`);
      proxy.cut();
      await proxy.restore();
      await assertFree(ctx, name);
    },
  },
  {
    id: 'outage/silent-abort',
    title: 'an abort ends a wait also while the backend is silent',
    requires: ['network'],
    async run(ctx) {
      const proxy = await ctx.proxy();
      const [holder, waiter] = [await ctx.open(), await ctx.open(proxy)];
      const name = ctx.name();
      const lock = await holder.acquire(name);
      const controller = new AbortController();
      const { granted } = await ctx.enqueue(waiter, name, { ttl: ctx.time.ttl, signal: controller.signal });
      proxy.blackhole();
      controller.abort(new Error('given up'));
      await within(
        ctx.time.prompt,
        granted.then(
          () => assert.fail('it was granted'),
          () => undefined,
        ),
        'the abort',
      );
      await lock.release();
      // Whatever the silent client had in the queue must not stall others for longer than a dead waiter may.
      const next = await within(ctx.time.passedOver, holder.acquire(name), 'the lock afterwards');
      await next.release();
    },
  },
  {
    id: 'outage/late-delivery',
    title: 'a request that arrives long after its caller gave up takes nothing for longer than its ttl',
    requires: ['network'],
    async run(ctx) {
      const proxy = await ctx.proxy();
      const locks = await ctx.open(proxy);
      const name = ctx.name();
      await (await locks.acquire(ctx.name())).release();
      proxy.blackhole();
      const work = locks.acquire(name, { ttl: ctx.time.ttl, timeout: 200 });
      await within(
        GIVE_UP_MS,
        work.then(
          () => assert.fail('it was granted'),
          () => undefined,
        ),
        'giving up',
      );
      await proxy.restore();
      await assertFree(ctx, name);
    },
  },
];

/** Within the ttl of whatever an unlucky request may have left. */
async function assertFree(ctx: Context, name: string): Promise<void> {
  const locks = await ctx.open();
  const free = async (): Promise<true | undefined> => {
    const lock = await locks.tryAcquire(name);
    await lock?.release();
    return lock === null ? undefined : true;
  };
  await eventually(ctx.time.takeover, free, 'the lock is free');
}
