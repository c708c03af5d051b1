/** Shared locks: readers together, a writer alone, nobody starved. */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import type { ConformanceCase } from '../case.ts';
import { later, staysPending, within } from '../expect.ts';
import { Section, times } from '../section.ts';

/** How long something must not happen, in ms. */
const A_WHILE_MS = 150;
/** Where waiters poll, those who are granted the lock together learn of it one after the other, this much later at most. In ms. */
const LEARNT_MS = 500;

export const shared: readonly ConformanceCase[] = [
  {
    id: 'shared/together',
    title: 'readers of one client, of several and of another process hold together',
    requires: ['shared'],
    async run(ctx) {
      const [a, b, peer] = await Promise.all([ctx.open(), ctx.open(), ctx.peer()]);
      const name = ctx.name();
      const mode = 'shared';
      const held = [await a.acquire(name, { mode }), await a.acquire(name, { mode }), await b.acquire(name, { mode })];
      const third = await within(ctx.time.prompt, peer.acquire(name, { mode }), 'a reader in another process');
      assert.ok(held.every((lock) => lock.held && lock.mode === 'shared'));
      await Promise.all([...held, third].map((lock) => lock.release()));
    },
  },
  {
    id: 'shared/excludes-writers',
    title: 'a writer waits for all readers, and readers wait for the writer',
    requires: ['shared'],
    async run(ctx) {
      const [a, b, c] = [await ctx.open(), await ctx.open(), await ctx.open()];
      const name = ctx.name();
      const readers = [await a.acquire(name, { mode: 'shared' }), await b.acquire(name, { mode: 'shared' })];
      assert.equal(await c.tryAcquire(name), null, 'a writer got in beside readers');
      const { granted } = await ctx.enqueue(c, name);
      await readers[0]?.release();
      await staysPending(A_WHILE_MS, granted, 'the writer while a reader holds');
      await readers[1]?.release();
      const writer = await within(ctx.time.prompt, granted, 'the writer');
      assert.equal(await a.tryAcquire(name, { mode: 'shared' }), null, 'a reader got in beside a writer');
      await writer.release();
      const again = await a.tryAcquire(name, { mode: 'shared' });
      assert.ok(again !== null, 'the writer has released, but readers are kept out');
      await again.release();
    },
  },
  {
    id: 'shared/mixed-load',
    title: 'under a mixed load no writer ever meets anybody, and readers meet each other',
    requires: ['shared'],
    async run(ctx) {
      const clients = await Promise.all(times(3, () => ctx.open()));
      const name = ctx.name();
      const [readers, writers] = [new Section(), new Section()];
      const work = clients.flatMap((locks, client) =>
        times(12, (i) =>
          (i + client) % 3 === 0
            ? locks.request(name, async () => {
                assert.equal(readers.inside, 0, 'a writer got in beside a reader');
                await writers.visit();
                assert.equal(readers.inside, 0, 'a reader got in beside a writer');
              })
            : // Until two have met, a reader stays until the next one knows.
              locks.request(name, { mode: 'shared' }, () => readers.visit(8, readers.most > 1 ? 0 : LEARNT_MS)),
        ),
      );
      await Promise.all(work);
      assert.equal(writers.most, 1, 'two writers were inside at once');
      assert.ok(readers.most > 1, 'readers never held together');
    },
  },
  {
    id: 'shared/writer-not-starved',
    title: 'a stream of readers, each of which comes before the last one goes, does not starve a writer',
    requires: ['shared'],
    async run(ctx) {
      const [a, b, writer] = [await ctx.open(), await ctx.open(), await ctx.open()];
      const name = ctx.name();
      let current = await a.acquire(name, { mode: 'shared' });
      const { granted } = await ctx.enqueue(writer, name);
      const isGranted = granted.then(() => true);
      for (let round = 0; ; round += 1) {
        assert.ok(round < 40, 'reader after reader got in before the writer');
        const next = (round % 2 === 0 ? b : a).acquire(name, { mode: 'shared' });
        // It goes only once the next is in, or must wait.
        await Promise.race([next, delay(A_WHILE_MS)]);
        await current.release();
        if (await Promise.race([isGranted, next.then(() => false)])) {
          await (await granted).release();
          await (await next).release();
          return;
        }
        current = await next;
      }
    },
  },
  {
    id: 'shared/in-order',
    title: 'a reader that asks after a writer is granted after it, and readers in a row together',
    requires: ['shared', 'fifo'],
    async run(ctx) {
      const [a, b, c] = [await ctx.open(), await ctx.open(), await ctx.open()];
      const name = ctx.name();
      const first = await a.acquire(name, { mode: 'shared' });
      const { granted: write } = await ctx.enqueue(b, name);
      const { granted: read } = await ctx.enqueue(c, name, { mode: 'shared' });
      const { granted: readToo } = await ctx.enqueue(a, name, { mode: 'shared' });
      assert.equal(await c.tryAcquire(name, { mode: 'shared' }), null, 'a try of a reader overtook a waiting writer');
      await first.release();
      const writer = await within(ctx.time.prompt, write, 'the writer');
      await staysPending(A_WHILE_MS, Promise.race([read, readToo]), 'a reader behind the writer');
      await writer.release();
      const readers = await within(ctx.time.prompt, Promise.all([read, readToo]), 'both readers');
      await Promise.all(readers.map((lock) => lock.release()));
    },
  },
  {
    id: 'shared/aborted-writer',
    title: 'when a writer that waits gives up, the readers behind it join those who hold',
    requires: ['shared'],
    async run(ctx) {
      const [a, b, c] = [await ctx.open(), await ctx.open(), await ctx.open()];
      const name = ctx.name();
      const first = await a.acquire(name, { mode: 'shared' });
      const controller = new AbortController();
      const { granted: write } = await ctx.enqueue(b, name, { signal: controller.signal });
      // Where readers may overtake, this one holds at once.
      const read = later(c.acquire(name, { mode: 'shared', timeout: ctx.time.longTtl }));
      await staysPending(A_WHILE_MS, write, 'the writer while a reader holds');
      controller.abort();
      await write.catch(() => undefined);
      const second = await within(ctx.time.prompt, read, 'the reader behind a writer that gave up');
      assert.equal(first.held, true);
      await Promise.all([first, second].map((lock) => lock.release()));
    },
  },
];
