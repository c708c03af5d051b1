/** Guarantee 9: names are exact. */
import assert from 'node:assert/strict';
import type { ConformanceCase } from '../case.ts';
import type { Lock } from '../../client/lock.ts';
import { rejectsWith } from '../expect.ts';

/** Names that some file system, database, key space, collation, pattern or URL takes for one another, or for its own. */
const shapes: readonly ((random: string) => string)[] = [
  (r) => r,
  (r) => `${r}A`,
  (r) => `${r}a`,
  (r) => `${r}ß`,
  (r) => `${r}ss`,
  (r) => `${r}é`,
  (r) => `${r}e\u0301`,
  (r) => `${r}e`,
  (r) => `${r}ı`,
  (r) => `${r}i`,
  (r) => `${r} `,
  (r) => `${r}  `,
  (r) => ` ${r}`,
  (r) => `${r}\t`,
  (r) => `${r}\n`,
  (r) => `${r}\r\n`,
  (r) => `${r}\u00a0`,
  (r) => `${r}\u200b`,
  (r) => `${r}/`,
  (r) => `${r}//`,
  (r) => `/${r}`,
  (r) => `${r}/a`,
  (r) => `${r}%2Fa`,
  (r) => `${r}%252Fa`,
  (r) => `${r}\\a`,
  (r) => `${r}.`,
  (r) => `${r}..`,
  (r) => `../${r}`,
  (r) => `./${r}`,
  (r) => `${r}/../${r}`,
  (r) => `{${r}}`,
  (r) => `{}${r}`,
  (r) => `{${r}}b`,
  (r) => `a{${r}}b`,
  (r) => `${r}*`,
  (r) => `${r}?`,
  (r) => `${r}%`,
  (r) => `${r}_`,
  (r) => `${r}'; --`,
  (r) => `${r}"`,
  (r) => `$${r}`,
  (r) => `${r}:fence`,
  (r) => `${r}:waiters`,
  (r) => `${r}:queue`,
  (r) => `${r}.lock`,
  (r) => `holdfast:${r}`,
  (r) => `holdfast:{${r}}`,
  (r) => `holdfast/${r}/fence`,
  (r) => `CON.${r}`,
  (r) => `${r}💥`,
  (r) => `${r}👩‍👩‍👧`,
  (r) => `${r}\u{1f469}`,
  (r) => `${r}\u0001`,
  (r) => `${r}\u202e`,
  (r) => r.padEnd(255, 'x'),
  (r) => r.padEnd(256, 'x'),
  (r) => r.padEnd(1000, 'x'),
  (r) => r.padEnd(1000, 'x').replace(/x$/, 'y'),
  (r) => r.padEnd(1024, 'x'),
  (r) => r + 'é'.repeat((1024 - r.length) / 2),
];

/** As they are: another run may hold them too, so they are waited for, always in this order. */
const plain: readonly string[] = [
  '.',
  '..',
  '/',
  '%',
  '{}',
  ' ',
  '\n',
  'CON',
  '.lock',
  'log.1',
  '../x',
  'fence',
  '__proto__',
  'constructor',
  'null',
  '0',
  '💥',
];

export const names: readonly ConformanceCase[] = [
  {
    id: 'names/distinct',
    title: 'different names are different locks, however much they look alike',
    requires: [],
    async run(ctx) {
      const [one, two] = [await ctx.open(), await ctx.open()];
      const random = ctx.name((r) => r);
      const all = shapes.map((shape) => ctx.name(() => shape(random)));
      assert.equal(new Set(all).size, all.length);
      const held: Lock[] = [];
      for (const [i, name] of all.entries()) {
        const lock = await (i % 2 === 0 ? one : two).tryAcquire(name);
        assert.ok(
          lock !== null,
          `${JSON.stringify(name)} shares its lock with one of ${JSON.stringify(all.slice(0, i))}`,
        );
        assert.equal(lock.name, name);
        held.push(lock);
      }
      const again = await Promise.all(all.map((name, i) => (i % 2 === 0 ? two : one).tryAcquire(name)));
      for (const [i, lock] of again.entries()) assert.equal(lock, null, `${JSON.stringify(all[i])} was granted twice`);
      await Promise.all(held.map((lock) => lock.release()));
    },
  },
  {
    id: 'names/plain',
    title: 'names that look like paths, patterns or internal keys are names like others',
    requires: [],
    async run(ctx) {
      const locks = await ctx.open();
      const held: Lock[] = [];
      for (const name of plain) {
        held.push(await locks.acquire(name, { ttl: ctx.time.longTtl, timeout: ctx.time.limit / 4 }));
        assert.equal(await locks.tryAcquire(name), null, `${JSON.stringify(name)} was granted twice`);
      }
      await Promise.all(held.map((lock) => lock.release()));
    },
  },
  {
    id: 'names/shown-exactly',
    title: 'query shows each name exactly as it was given',
    requires: ['query'],
    async run(ctx) {
      const locks = await ctx.open();
      const random = ctx.name((r) => r);
      const all = shapes.map((shape) => ctx.name(() => shape(random)));
      const held = await Promise.all(all.map((name) => locks.acquire(name, { timeout: ctx.time.prompt })));
      for (const name of all) {
        const shown = (await locks.query(name)).held.map((info) => info.name);
        assert.deepEqual(shown, [name]);
      }
      const everything = (await locks.query()).held.map((info) => info.name).filter((name) => all.includes(name));
      assert.deepEqual(everything.toSorted(), all.toSorted());
      await Promise.all(held.map((lock) => lock.release()));
    },
  },
  {
    id: 'names/across-processes',
    title: 'another process means the same lock by the same name',
    requires: [],
    async run(ctx) {
      const [locks, peer] = await Promise.all([ctx.open(), ctx.peer()]);
      const random = ctx.name((r) => r);
      for (const shape of shapes) {
        const name = ctx.name(() => shape(random));
        const lock = await locks.acquire(name);
        assert.equal(await peer.tryAcquire(name), null, `${JSON.stringify(name)} is another lock in another process`);
        await lock.release();
      }
    },
  },
  {
    id: 'names/refused',
    title: 'what is no name is refused: empty, too long, with NUL, not well-formed, not a string',
    requires: [],
    async run(ctx) {
      const locks = await ctx.open();
      const bad: unknown[] = [
        '',
        'x'.repeat(1025),
        'é'.repeat(513),
        'a\0b',
        '\ud800',
        'a\udc00b',
        undefined,
        null,
        7,
        {},
        ['a'],
      ];
      for (const name of bad as string[]) {
        for (const work of [locks.acquire(name), locks.tryAcquire(name), locks.request(name, () => undefined)]) {
          const error = await rejectsWith('INVALID_ARGUMENT', work, `the name ${JSON.stringify(name)?.slice(0, 20)}`);
          assert.match(error.message, /`name`/);
        }
      }
    },
  },
];
