/** Guarantee 8: waiters are woken, in order, and nobody dead is waited for. */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import type { ConformanceCase } from '../case.ts';
import type { Lock } from '../../client/lock.ts';
import { later, staysPending, within } from '../expect.ts';
import { hostMs } from '../peer/protocol.ts';

/** Far below the interval of anybody who polls with backoff, far above what a push takes on a busy machine. */
const PUSH_MS = 100;
/** What a client may send while it waits for a second and a half, its heartbeats included. */
const FEW_REQUESTS = 3;

export const waiting: readonly ConformanceCase[] = [
  {
    id: 'waiting/in-order',
    title: 'who asked first is granted first, across clients and processes',
    requires: ['fifo'],
    async run(ctx) {
      const [holder, a, b, peer] = await Promise.all([ctx.open(), ctx.open(), ctx.open(), ctx.peer()]);
      const name = ctx.name();
      const first = await holder.acquire(name);
      const order: number[] = [];
      const work: Promise<void>[] = [];
      for (let place = 0; place < 9; place += 1) {
        const { granted } =
          place % 3 === 2 ? await peer.enqueue(name) : await ctx.enqueue(place % 3 === 0 ? a : b, name);
        const turn = async (): Promise<void> => {
          const lock = await granted;
          order.push(place);
          await delay(2);
          await lock.release();
        };
        work.push(turn());
      }
      await first.release();
      await Promise.all(work);
      assert.deepEqual(order, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
    },
  },
  {
    id: 'waiting/no-overtaking',
    title: 'a try does not overtake who waits',
    requires: ['fifo'],
    async run(ctx) {
      const [holder, waiter, other] = [await ctx.open(), await ctx.open(), await ctx.open()];
      const name = ctx.name();
      const lock = await holder.acquire(name);
      const { granted } = await ctx.enqueue(waiter, name);
      const releasing = later(lock.release());
      const tries = [later(other.tryAcquire(name)), later(holder.tryAcquire(name))];
      await releasing;
      tries.push(other.tryAcquire(name), holder.tryAcquire(name));
      assert.deepEqual(await Promise.all(tries), [null, null, null, null], 'a try got a lock that somebody waited for');
      await (await within(ctx.time.prompt, granted, 'the waiter')).release();
    },
  },
  {
    id: 'waiting/not-renewed',
    title: 'a request with renew: false keeps its place for longer than its ttl, which begins with its grant',
    requires: ['fifo'],
    async run(ctx) {
      const [holder, waiter, behind] = [await ctx.open(), await ctx.open(), await ctx.open()];
      const name = ctx.name();
      const { ttl } = ctx.time;
      const lock = await holder.acquire(name);
      const { granted: first } = await ctx.enqueue(waiter, name, { ttl, renew: false });
      const { granted: second } = await ctx.enqueue(behind, name);
      await delay(1.5 * ttl + ctx.manifest.ttl.granularityMs);
      const order: string[] = [];
      const turns = [
        first.then(async (won) => {
          order.push('first');
          const left = won.remainingMs;
          await won.release();
          assert.ok(left > ttl / 2, `${left.toFixed(0)} ms of ${ttl} ms were left at the grant`);
        }),
        second.then(async (won) => {
          order.push('second');
          await won.release();
        }),
      ];
      await lock.release();
      await within(2 * ctx.time.prompt, Promise.all(turns), 'both who waited');
      assert.deepEqual(order, ['first', 'second']);
    },
  },
  {
    id: 'waiting/woken',
    title: 'the next in line is woken by the release, not by its own asking',
    requires: ['push'],
    async run(ctx) {
      const [a, b] = [await ctx.open(), await ctx.open()];
      const name = ctx.name();
      let lock = await a.acquire(name);
      const latencies: number[] = [];
      for (let round = 0; round < 11; round += 1) {
        const { granted } = await ctx.enqueue(round % 2 === 0 ? b : a, name);
        // Long enough for the pauses of somebody who polls to have grown.
        await delay(60);
        const releasedAt = hostMs();
        await lock.release();
        lock = await within(ctx.time.prompt, granted, 'the next in line');
        latencies.push(hostMs() - releasedAt);
      }
      await lock.release();
      const median = latencies.toSorted((x, y) => x - y)[5] ?? Infinity;
      assert.ok(median < PUSH_MS, `half of the hand-overs took longer than ${median.toFixed(0)} ms`);
    },
  },
  {
    id: 'waiting/sends-nothing',
    title: 'who waits sends nothing but heartbeats',
    requires: ['push', 'network'],
    async run(ctx) {
      const proxy = await ctx.proxy();
      const [holder, waiter] = [await ctx.open(), await ctx.open(proxy)];
      const name = ctx.name();
      const lock = await holder.acquire(name);
      const { granted } = await ctx.enqueue(waiter, name);
      await delay(300);
      const before = proxy.requests;
      await staysPending(1500, granted, 'the waiter while another holds');
      const sent = proxy.requests - before;
      assert.ok(sent <= FEW_REQUESTS, `it asked ${sent} times in 1.5 s`);
      await lock.release();
      await (await within(ctx.time.prompt, granted, 'the waiter')).release();
    },
  },
  {
    id: 'waiting/killed-waiter',
    title: 'a waiter that was killed does not stall those behind it',
    requires: [],
    async run(ctx) {
      const [holder, behind, peer] = await Promise.all([ctx.open(), ctx.open(), ctx.peer()]);
      const name = ctx.name();
      const lock = await holder.acquire(name);
      await peer.enqueue(name, { ttl: ctx.time.ttl });
      const { granted } = await ctx.enqueue(behind, name);
      await peer.kill();
      await lock.release();
      await (await within(ctx.time.passedOver, granted, 'the one behind a killed waiter')).release();
    },
  },
  {
    id: 'waiting/killed-in-hand-over',
    title: 'a waiter that is killed just as it is granted the lock keeps it for no longer than a holder would',
    requires: [],
    async run(ctx) {
      const [holder, behind, peer] = await Promise.all([ctx.open(), ctx.open(), ctx.peer()]);
      const name = ctx.name();
      const lock = await holder.acquire(name);
      await peer.enqueue(name, { ttl: ctx.time.ttl });
      const { granted } = await ctx.enqueue(behind, name);
      const releasing = later(lock.release());
      await peer.kill();
      await releasing;
      await (await within(ctx.time.passedOver, granted, 'the one behind a killed waiter')).release();
    },
  },
  {
    id: 'waiting/aborted-in-the-middle',
    title: 'waiters that abort in the middle of the queue do not stall those behind them',
    requires: [],
    async run(ctx) {
      const [holder, waiter] = [await ctx.open(), await ctx.open()];
      const name = ctx.name();
      const lock = await holder.acquire(name);
      const controller = new AbortController();
      const kept: Promise<Lock>[] = [];
      const aborted: Promise<unknown>[] = [];
      for (let place = 0; place < 10; place += 1) {
        const options = place % 2 === 0 ? { signal: controller.signal } : {};
        const { granted } = await ctx.enqueue(waiter, name, options);
        if (place % 2 === 1) kept.push(granted);
        // The first may hear of its grant before the holder hears that it has released.
        else
          aborted.push(
            granted.then(
              (won) => won.release(),
              () => undefined,
            ),
          );
      }
      await lock.release();
      controller.abort();
      const left = new Set(kept);
      while (left.size > 0) {
        // In any order, where the backend has none.
        const turns = [...left].map(async (granted) => ({ granted, lock: await granted }));
        const { granted, lock: next } = await within(ctx.time.prompt, Promise.race(turns), 'one who still waits');
        left.delete(granted);
        await next.release();
      }
      await Promise.all(aborted);
    },
  },
  {
    id: 'waiting/aborted-at-its-turn',
    title: 'a wake-up that meets an aborted waiter goes on to the next',
    requires: [],
    async run(ctx) {
      const [holder, waiter, behind] = [await ctx.open(), await ctx.open(), await ctx.open()];
      const name = ctx.name();
      for (let round = 0; round < 15; round += 1) {
        const lock = await holder.acquire(name);
        const controller = new AbortController();
        const { granted: first } = await ctx.enqueue(waiter, name, { signal: controller.signal });
        const { granted: second } = await ctx.enqueue(behind, name);
        // Both at once, in either order.
        const releasing = round % 2 === 0 ? lock.release() : undefined;
        controller.abort();
        await (releasing ?? lock.release());
        await first.then(
          (won) => won.release(),
          () => undefined,
        );
        await (await within(ctx.time.prompt, second, 'the one behind an aborted waiter')).release();
      }
    },
  },
  {
    id: 'waiting/cut-off',
    title: 'a waiter whose connection was cut gets the lock in its turn, or fails and leaves nothing',
    requires: ['network'],
    async run(ctx) {
      const proxy = await ctx.proxy();
      const [holder, waiter] = [await ctx.open(), await ctx.open(proxy)];
      const name = ctx.name();
      const lock = await holder.acquire(name);
      const { granted } = await ctx.enqueue(waiter, name, { ttl: ctx.time.ttl });
      proxy.cut();
      await delay(100);
      await lock.release();
      const failed = granted.then(
        () => null,
        (error: { code?: unknown }) => error.code,
      );
      const code = await within(2 * ctx.time.passedOver, failed, 'a waiter that was cut off');
      assert.ok(code === null || code === 'BACKEND_UNAVAILABLE', String(code));
      if (code === null) await (await granted).release();
      const next = await within(ctx.time.takeover, holder.acquire(name), 'the lock afterwards');
      await next.release();
    },
  },
];
