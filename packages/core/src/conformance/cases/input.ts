/** Guarantee 10: bad input is refused before anything is sent. */
import assert from 'node:assert/strict';
import type { ConformanceCase } from '../case.ts';
import type { Context } from '../context.ts';
import type { Locks } from '../../client/locks.ts';
import { rejectsWith } from '../expect.ts';

/** What is refused, and the field that the error names. */
const bad: readonly (readonly [field: string, options: unknown])[] = [
  ...[0, -1, NaN, Infinity, -Infinity, 2 ** 31, 'soon', '', '0s', '-5s', '25 days', null, true, {}, 10n].flatMap(
    (value) => [['ttl', { ttl: value }] as const, ['timeout', { timeout: value }] as const],
  ),
  ...[0, -1, NaN, 1.5, Infinity, '3', null, 2 ** 31].map((value) => ['permits', { permits: value }] as const),
  ...['Exclusive', 'semaphore', '', null, 1].map((value) => ['mode', { mode: value }] as const),
  ['permits', { permits: 2, mode: 'shared' }],
  ['steal', { steal: true, mode: 'shared' }],
  ['steal', { steal: true, permits: 2 }],
  ['steal', { steal: 'yes' }],
  ['reentrant', { reentrant: 1 }],
  ['renew', { renew: null }],
  ['signal', { signal: {} }],
  ['signal', { signal: new AbortController() }],
  ['TTL', { TTL: 1000 }],
  ['wait', { wait: false }],
  ['ifAvailable', { ifAvailable: true }],
  ['options', 'exclusive'],
  ['options', null],
  ['options', []],
];

export const input: readonly ConformanceCase[] = [
  {
    id: 'input/options',
    title: 'every bad option is refused with an error that names it, and nothing is created',
    requires: [],
    async run(ctx) {
      const locks = await ctx.open();
      const name = ctx.name();
      await refusesAll(locks, name);
      await assertUntouched(ctx, name);
    },
  },
  {
    id: 'input/sends-nothing',
    title: 'bad input is refused before anything is sent',
    requires: ['network'],
    async run(ctx) {
      const proxy = await ctx.proxy();
      const locks = await ctx.open(proxy);
      await (await locks.acquire(ctx.name())).release();
      const before = proxy.requests;
      await refusesAll(locks, ctx.name());
      assert.equal(proxy.requests, before, 'something was sent');
    },
  },
  {
    id: 'input/too-short-a-ttl',
    title: 'a ttl below what the backend can keep is refused',
    requires: [],
    async run(ctx) {
      const { minMs } = ctx.manifest.ttl;
      const locks = await ctx.open();
      const name = ctx.name();
      const error = await rejectsWith(
        'INVALID_ARGUMENT',
        locks.acquire(name, { ttl: minMs / 2 }),
        `a ttl of ${minMs / 2} ms`,
      );
      assert.match(error.message, /`ttl`/);
      await assertUntouched(ctx, name);
      const lock = await locks.acquire(name, { ttl: Math.max(minMs, 500) });
      await lock.release();
    },
  },
  {
    id: 'input/callback',
    title: 'request without a function is refused',
    requires: [],
    async run(ctx) {
      const locks = await ctx.open();
      const name = ctx.name();
      for (const args of [[name], [name, {}], [name, {}, 'callback']]) {
        const request = locks.request as (...given: unknown[]) => Promise<unknown>;
        const error = await rejectsWith('INVALID_ARGUMENT', request.apply(locks, args), 'request');
        assert.match(error.message, /`callback`/);
      }
      await assertUntouched(ctx, name);
    },
  },
  {
    id: 'input/durations',
    title: 'durations may be numbers of milliseconds or strings such as 30s',
    requires: [],
    async run(ctx) {
      const locks = await ctx.open();
      // A backend may have to count on less than the ttl; it is far from any other unit all the same.
      const ttl = Math.max(60_000, ctx.manifest.ttl.minMs);
      for (const given of [ttl, `${ttl}ms`, `${ttl / 1000}s`, `${ttl / 60_000}m`]) {
        const lock = await locks.acquire(ctx.name(), { ttl: given, timeout: '5s' });
        assert.ok(lock.remainingMs > ttl / 2 && lock.remainingMs < ttl, `${given}: ${lock.remainingMs} ms remain`);
        await lock.release();
      }
    },
  },
];

async function refusesAll(locks: Locks, name: string): Promise<void> {
  for (const [field, options] of bad) {
    const error = await rejectsWith(
      'INVALID_ARGUMENT',
      locks.acquire(name, options as object),
      `acquire with a bad ${field}`,
    );
    assert.ok(error.message.includes(field), `the error must name ${field}: ${error.message}`);
  }
  await rejectsWith('INVALID_ARGUMENT', locks.tryAcquire(name, { timeout: 5 } as object), 'tryAcquire with a timeout');
  await rejectsWith('INVALID_ARGUMENT', locks.tryAcquire(name, { ttl: 0 }), 'tryAcquire with a bad ttl');
  for (const permits of [0, -1, NaN, 1.5])
    assert.throws(() => locks.semaphore(name, permits), { code: 'INVALID_ARGUMENT' });
}

async function assertUntouched(ctx: Context, name: string): Promise<void> {
  const locks = await ctx.open();
  if (ctx.manifest.query) assert.deepEqual(await locks.query(name), { held: [], pending: [] }, 'something was created');
  const lock = await locks.tryAcquire(name);
  assert.ok(lock !== null, 'something holds the lock');
  await lock.release();
}
