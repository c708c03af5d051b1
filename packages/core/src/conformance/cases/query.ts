/** What `query` shows. */
import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import type { ConformanceCase } from '../case.ts';
import { within } from '../expect.ts';

/** By how much two clocks that tell people the time may differ here, in ms. */
const CLOCKS_MS = 60_000;

export const query: readonly ConformanceCase[] = [
  {
    id: 'query/held-and-pending',
    title: 'query shows who holds and who waits, in the order of the queue, with token, client, host and pid',
    requires: ['query'],
    async run(ctx) {
      const [holder, a, b, observer] = [await ctx.open(), await ctx.open(), await ctx.open(), await ctx.open()];
      const name = ctx.name();
      const askedAt = Date.now();
      const lock = await holder.acquire(name);
      const { granted: first } = await ctx.enqueue(a, name);
      const { granted: second } = await ctx.enqueue(b, name);
      const { held, pending } = await observer.query(name);
      assert.deepEqual(
        held.map((info) => info.clientId),
        [holder.clientId],
      );
      assert.deepEqual(pending.map((info) => info.clientId).toSorted(), [a.clientId, b.clientId].toSorted());
      if (ctx.manifest.fifo)
        assert.deepEqual(
          pending.map((info) => info.clientId),
          [a.clientId, b.clientId],
        );
      for (const info of [...held, ...pending]) {
        const { mode, host, pid } = info;
        assert.deepEqual(
          { name: info.name, mode, host, pid },
          { name, mode: 'exclusive', host: hostname(), pid: process.pid },
        );
        assert.ok(
          info.since instanceof Date && Math.abs(info.since.getTime() - askedAt) < CLOCKS_MS,
          `since ${String(info.since)}`,
        );
      }
      assert.equal(held[0]?.fencingToken, lock.fencingToken);
      assert.equal(pending[0]?.fencingToken, undefined, 'who waits has no token');
      await lock.release();
      await (await within(ctx.time.prompt, first, 'the first in line')).release();
      await (await within(ctx.time.prompt, second, 'the second in line')).release();
      assert.deepEqual(await observer.query(name), { held: [], pending: [] });
    },
  },
  {
    id: 'query/shared',
    title: 'query shows each shared holder with its own token',
    requires: ['query', 'shared'],
    async run(ctx) {
      const [a, b] = [await ctx.open(), await ctx.open()];
      const name = ctx.name();
      const locks = [await a.acquire(name, { mode: 'shared' }), await b.acquire(name, { mode: 'shared' })];
      const { held } = await a.query(name);
      assert.deepEqual(
        held.map((info) => info.mode),
        ['shared', 'shared'],
      );
      assert.deepEqual(
        held.map((info) => info.fencingToken).toSorted(),
        locks.map((lock) => lock.fencingToken),
      );
      await Promise.all(locks.map((lock) => lock.release()));
    },
  },
  {
    id: 'query/permits',
    title: 'query shows the holders of permits, and their number',
    requires: ['query', 'semaphore'],
    async run(ctx) {
      const locks = await ctx.open();
      const name = ctx.name();
      const held = [await locks.acquire(name, { permits: 3 }), await locks.acquire(name, { permits: 3 })];
      const shown = (await locks.query(name)).held;
      assert.deepEqual(
        shown.map(({ mode, permits }) => ({ mode, permits })),
        [
          { mode: 'semaphore', permits: 3 },
          { mode: 'semaphore', permits: 3 },
        ],
      );
      await Promise.all(held.map((lock) => lock.release()));
    },
  },
  {
    id: 'query/all-names',
    title: 'query without a name shows all that are in use, of every process, and none that is not',
    requires: ['query'],
    async run(ctx) {
      const [locks, peer] = await Promise.all([ctx.open(), ctx.peer()]);
      const [mine, theirs, free] = [ctx.name(), ctx.name(), ctx.name()];
      await (await locks.acquire(free)).release();
      const held = [await locks.acquire(mine), await peer.acquire(theirs)];
      for (const snapshot of [await locks.query(), await (await ctx.open()).query()]) {
        const names = snapshot.held.map((info) => info.name);
        assert.ok(names.includes(mine) && names.includes(theirs), 'a held name is missing');
        assert.ok(!names.includes(free), 'a name that is free is shown as held');
      }
      await Promise.all(held.map((lock) => lock.release()));
    },
  },
  {
    id: 'query/dead-holders',
    title: 'query does not show a holder whose time is up',
    requires: ['query'],
    async run(ctx) {
      const [locks, observer] = [await ctx.open(), await ctx.open()];
      const name = ctx.name();
      const lock = await locks.acquire(name, { ttl: ctx.time.ttl, renew: false });
      assert.equal((await observer.query(name)).held.length, 1);
      await new Promise((resolve) => setTimeout(resolve, ctx.time.ttl + ctx.manifest.ttl.granularityMs + 100));
      assert.deepEqual(await observer.query(name), { held: [], pending: [] });
      assert.equal(lock.held, false);
    },
  },
];
