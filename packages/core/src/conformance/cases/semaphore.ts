/** Counting semaphores: never more than their permits. */
import assert from 'node:assert/strict';
import type { ConformanceCase } from '../case.ts';
import { increasing, staysPending, within } from '../expect.ts';
import { Section, times } from '../section.ts';

/** How long something must not happen, in ms. */
const A_WHILE_MS = 150;

export const semaphore: readonly ConformanceCase[] = [
  {
    id: 'semaphore/limit',
    title: 'as many hold as there are permits, across clients and processes, and not one more',
    requires: ['semaphore'],
    async run(ctx) {
      const [a, b, peer] = await Promise.all([ctx.open(), ctx.open(), ctx.peer()]);
      const name = ctx.name();
      const permits = 3;
      const held = [
        await a.acquire(name, { permits }),
        await b.acquire(name, { permits }),
        await peer.acquire(name, { permits }),
      ];
      increasing(
        held.map((lock) => lock.fencingToken),
        'among the holders of permits',
      );
      assert.equal(await a.tryAcquire(name, { permits }), null, 'one more got in');
      assert.equal(await peer.tryAcquire(name, { permits }), null, 'one more got in from another process');
      const { granted } = await ctx.enqueue(b, name, { permits });
      await staysPending(A_WHILE_MS, granted, 'one more');
      await held[1]?.release();
      const next = await within(ctx.time.prompt, granted, 'who waits for a permit');
      assert.equal(await a.tryAcquire(name, { permits }), null, 'a permit was given out twice');
      await Promise.all([held[0], held[2], next].map(async (lock) => lock?.release()));
    },
  },
  {
    id: 'semaphore/load',
    title: 'under load the permits are used, and never exceeded',
    requires: ['semaphore'],
    async run(ctx) {
      const clients = await Promise.all(times(3, () => ctx.open()));
      const name = ctx.name();
      const section = new Section();
      const work = clients.flatMap((locks) =>
        times(15, () => locks.semaphore(name, 4).request(() => section.visit(10))),
      );
      await Promise.all(work);
      assert.ok(section.most <= 4, `${section.most} were inside at once, with 4 permits`);
      assert.ok(section.most > 1, 'the permits were never used together');
    },
  },
  {
    id: 'semaphore/one-permit',
    title: 'with one permit it is a mutex',
    requires: ['semaphore'],
    async run(ctx) {
      const [a, b] = [await ctx.open(), await ctx.open()];
      const name = ctx.name();
      const section = new Section();
      const work = [a, b].flatMap((locks) =>
        times(8, () => locks.request(name, { permits: 1 }, () => section.visit())),
      );
      await Promise.all(work);
      assert.deepEqual([section.most, section.sum], [1, 16]);
    },
  },
  {
    id: 'semaphore/verbs',
    title: 'locks.semaphore binds name and permits to the same verbs',
    requires: ['semaphore'],
    async run(ctx) {
      const locks = await ctx.open();
      const two = locks.semaphore(ctx.name(), 2);
      const first = await two.acquire();
      const result = await two.request(async () => {
        assert.equal(await two.tryAcquire(), null);
        return await two.request({ ifAvailable: true }, (lock) => lock === null);
      });
      assert.equal(result, true, 'ifAvailable gives null when no permit is free');
      await first.release();
      const next = await two.tryAcquire();
      assert.ok(next !== null);
      await next.release();
    },
  },
  {
    id: 'semaphore/beside-exclusive',
    title: 'permits, exclusive and shared locks of one name exclude each other',
    requires: ['semaphore', 'shared'],
    async run(ctx) {
      const [a, b] = [await ctx.open(), await ctx.open()];
      const name = ctx.name();
      const modes = [{}, { mode: 'shared' }, { permits: 3 }] as const;
      for (const holding of modes) {
        const lock = await a.acquire(name, holding);
        for (const asking of modes.filter((mode) => mode !== holding)) {
          const other = await b.tryAcquire(name, asking);
          assert.equal(other, null, `${JSON.stringify(asking)} got in beside ${JSON.stringify(holding)}`);
        }
        await lock.release();
      }
    },
  },
  {
    id: 'semaphore/exclusive-waits',
    title: 'an exclusive request waits for all permits',
    requires: ['semaphore'],
    async run(ctx) {
      const [a, b] = [await ctx.open(), await ctx.open()];
      const name = ctx.name();
      const held = await Promise.all(times(2, () => a.acquire(name, { permits: 2 })));
      const { granted } = await ctx.enqueue(b, name);
      await held[0]?.release();
      await staysPending(A_WHILE_MS, granted, 'an exclusive request while a permit is held');
      await held[1]?.release();
      await (await within(ctx.time.prompt, granted, 'an exclusive request')).release();
    },
  },
];
