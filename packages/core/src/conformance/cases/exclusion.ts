/** Guarantee 1: never two holders. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ConformanceCase } from '../case.ts';
import { eventually, increasing, later } from '../expect.ts';
import { Section, times } from '../section.ts';

export const exclusion: readonly ConformanceCase[] = [
  {
    id: 'exclusion/tasks',
    title: 'of many tasks of one client, one at a time is inside',
    requires: [],
    async run(ctx) {
      const locks = await ctx.open();
      const name = ctx.name();
      const section = new Section();
      await Promise.all(times(30, () => locks.request(name, () => section.visit())));
      assert.equal(section.most, 1, 'two tasks were inside at once');
      assert.equal(section.sum, 30, 'an update was lost');
    },
  },
  {
    id: 'exclusion/clients',
    title: 'of several clients, one at a time is inside',
    requires: [],
    async run(ctx) {
      const clients = await Promise.all(times(4, () => ctx.open()));
      const name = ctx.name();
      const section = new Section();
      const work = clients.flatMap((locks) => times(10, () => locks.request(name, () => section.visit())));
      await Promise.all(work);
      assert.equal(section.most, 1, 'two clients were inside at once');
      assert.equal(section.sum, 40, 'an update was lost');
    },
  },
  {
    id: 'exclusion/second-processes',
    title: 'processes that count up a number in one file lose no update, and enter with growing tokens',
    requires: [],
    async run(ctx) {
      const peers = await Promise.all(times(3, () => ctx.peer()));
      const directory = await ctx.directory();
      const [file, log] = [join(directory, 'count'), join(directory, 'tokens')];
      await writeFile(file, '0');
      const name = ctx.name();
      await Promise.all(peers.map((peer) => peer.count({ name, options: {}, rounds: 15, file, log })));
      assert.equal(await readFile(file, 'utf8'), '45', 'an update was lost');
      increasing(await tokensIn(log), 'in order of entry');
    },
  },
  {
    id: 'exclusion/killed-in-the-middle',
    title: 'processes go on after one of them was killed at a random moment, still one at a time',
    requires: [],
    async run(ctx) {
      const [victim, ...others] = await Promise.all(times(3, () => ctx.peer()));
      assert.ok(victim !== undefined);
      const directory = await ctx.directory();
      const [file, log] = [join(directory, 'count'), join(directory, 'tokens')];
      await writeFile(file, '0');
      const work = { name: ctx.name(), options: { ttl: ctx.time.ttl }, file, log };
      victim.count({ ...work, rounds: 1_000_000 }).catch(() => undefined);
      const counting = later(Promise.all(others.map((peer) => peer.count({ ...work, rounds: 20 }))));
      await eventually(ctx.time.prompt, async () => ((await tokensIn(log)).length > 6 ? true : undefined), 'entries');
      await victim.kill();
      await counting;
      increasing(await tokensIn(log), 'in order of entry');
    },
  },
  {
    id: 'exclusion/try-while-held',
    title: 'tryAcquire answers null while another task, client or process holds, and a lock once it is free',
    requires: [],
    async run(ctx) {
      const [holder, other, peer] = await Promise.all([ctx.open(), ctx.open(), ctx.peer()]);
      const name = ctx.name();
      const lock = await holder.acquire(name);
      assert.equal(await holder.tryAcquire(name), null, 'the same client got it twice');
      assert.equal(await other.tryAcquire(name), null, 'another client got it as well');
      assert.equal(await peer.tryAcquire(name), null, 'another process got it as well');
      await lock.release();
      const next = await peer.tryAcquire(name);
      assert.ok(next !== null, 'it was released, but tryAcquire answered null');
      assert.equal(await holder.tryAcquire(name), null, 'another process holds it, but tryAcquire gave it out');
      await next.release();
    },
  },
  {
    id: 'exclusion/names-are-independent',
    title: 'a held lock keeps nobody from another one',
    requires: [],
    async run(ctx) {
      const locks = await ctx.open();
      const held = await Promise.all(times(20, () => locks.tryAcquire(ctx.name())));
      assert.ok(
        held.every((lock) => lock !== null),
        'a free lock was refused',
      );
      await Promise.all(held.map((lock) => lock?.release()));
    },
  },
];

async function tokensIn(log: string): Promise<bigint[]> {
  const text = await readFile(log, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  // The last line may still be on its way.
  return text.split('\n').slice(0, -1).map(BigInt);
}
