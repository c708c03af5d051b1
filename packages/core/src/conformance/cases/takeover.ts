/** Guarantee 3: a holder that crashes, hangs or is cut off keeps others out for at most its ttl and the declared granularity. */
import assert from 'node:assert/strict';
import type { ConformanceCase } from '../case.ts';
import type { Context } from '../context.ts';
import type { Locks } from '../../client/locks.ts';
import type { SentOptions } from '../peer/protocol.ts';
import { eventually, increasing, rejectsWith, staysPending, within } from '../expect.ts';
import { Section } from '../section.ts';

export const takeover: readonly ConformanceCase[] = [
  {
    id: 'takeover/killed-holder',
    title: 'who waits gets the lock of a killed holder in time',
    requires: [],
    run: (ctx) => killed(ctx, {}, {}),
  },
  {
    id: 'takeover/on-disconnect',
    title: 'the lock of a killed holder goes on as soon as its connection ends, whatever its ttl',
    requires: ['on-disconnect'],
    async run(ctx) {
      const [peer, locks] = await Promise.all([ctx.peer(), ctx.open()]);
      const name = ctx.name();
      const { fencingToken } = await peer.acquire(name, { ttl: ctx.time.longTtl });
      const { granted } = await ctx.enqueue(locks, name);
      await peer.kill();
      const next = await within(ctx.time.prompt, granted, 'the lock of a killed holder');
      increasing([fencingToken, next.fencingToken], 'after a crash');
      await next.release();
    },
  },
  {
    id: 'takeover/killed-reader',
    title: 'a writer gets the lock of a killed reader in time',
    requires: ['shared'],
    run: (ctx) => killed(ctx, { mode: 'shared' }, {}),
  },
  {
    id: 'takeover/killed-reader-among-others',
    title: 'a reader that lives on does not keep a killed one alive',
    requires: ['shared'],
    async run(ctx) {
      const [peer, reader, writer] = await Promise.all([ctx.peer(), ctx.open(), ctx.open()]);
      const name = ctx.name();
      const ttl = 2 * ctx.time.ttl;
      await peer.acquire(name, { mode: 'shared', ttl });
      const alive = await reader.acquire(name, { mode: 'shared', ttl });
      const { granted } = await ctx.enqueue(writer, name);
      await peer.kill();
      await staysPending(1.1 * ttl + ctx.manifest.ttl.granularityMs, granted, 'the writer while a reader lives');
      await alive.renew();
      await alive.release();
      // Waiting for the ttl of the killed one only now would be too late.
      await (await within(0.9 * ttl, granted, 'the writer, once the live reader has gone')).release();
    },
  },
  {
    id: 'takeover/killed-permit',
    title: 'the permit of a killed holder is free again in time, though others hold theirs',
    requires: ['semaphore'],
    async run(ctx) {
      const locks = await ctx.open();
      const name = ctx.name();
      const alive = await locks.acquire(name, { permits: 2, ttl: ctx.time.longTtl });
      await killed(ctx, { permits: 2 }, { permits: 2 }, name);
      assert.equal(alive.held, true, 'the holder that lives on lost its permit');
      await alive.release();
    },
  },
  {
    id: 'takeover/killed-unobserved',
    title: 'the lock of a killed holder becomes free in time when nobody waits for it',
    requires: [],
    async run(ctx) {
      const [peer, locks] = await Promise.all([ctx.peer(), ctx.open()]);
      const name = ctx.name();
      const { fencingToken } = await peer.acquire(name, { ttl: ctx.time.ttl });
      await peer.kill();
      const next = await eventually(ctx.time.takeover, () => orUndefined(locks, name), 'tryAcquire gets it');
      increasing([fencingToken, next.fencingToken], 'after a crash');
      await next.release();
    },
  },
  {
    id: 'takeover/one-successor',
    title: 'of many who wait for a killed holder one gets the lock, and the others in their turn',
    requires: [],
    async run(ctx) {
      const [peer, a, b] = await Promise.all([ctx.peer(), ctx.open(), ctx.open()]);
      const name = ctx.name();
      await peer.acquire(name, { ttl: ctx.time.ttl });
      const section = new Section();
      const work = [a, b, a, b, a, b].map((locks) => locks.request(name, () => section.visit(40)));
      await peer.kill();
      await within(ctx.time.takeover, Promise.all(work), 'all who wait for a killed holder');
      assert.deepEqual([section.most, section.sum], [1, 6], 'two took over at once');
    },
  },
  {
    id: 'takeover/frozen-holder',
    title: 'a frozen holder is replaced in time; awake again it knows at once, and can do no harm',
    requires: [],
    async run(ctx) {
      const [peer, locks] = await Promise.all([ctx.peer(), ctx.open()]);
      const name = ctx.name();
      const lost = await peer.acquire(name, { ttl: ctx.time.ttl });
      const { granted } = await ctx.enqueue(locks, name);
      await peer.freeze();
      const next = await within(ctx.time.takeover, granted, 'the lock of a frozen holder');
      peer.thaw();
      const seen = await within(ctx.time.prompt, lost.look(), 'the holder wakes up');
      assert.deepEqual(
        seen,
        { held: false, aborted: true, remainingMs: 0 },
        'it must know of the loss before it does anything',
      );
      await rejectsWith('LOCK_LOST', lost.renew(), 'renewing what was lost');
      await within(ctx.time.prompt, lost.release(), 'releasing what was lost');
      await assertStillHeld(ctx, next, name);
      await next.release();
    },
  },
  {
    id: 'takeover/vanished-host',
    title: 'a holder whose host vanished without closing its connections is replaced in time',
    requires: ['network'],
    async run(ctx) {
      const proxy = await ctx.proxy();
      const [peer, locks] = await Promise.all([ctx.peer(proxy), ctx.open()]);
      const name = ctx.name();
      const lost = await peer.acquire(name, { ttl: ctx.time.ttl });
      const { granted } = await ctx.enqueue(locks, name);
      proxy.blackhole();
      const next = await within(ctx.time.takeover, granted, 'the lock of a vanished host');
      increasing([lost.fencingToken, next.fencingToken], 'after a takeover');
      // What it sent meanwhile arrives now, late.
      await proxy.restore();
      await assertStillHeld(ctx, next, name);
      await next.release();
    },
  },
];

async function killed(
  ctx: Context,
  holding: SentOptions,
  asking: SentOptions,
  name: string = ctx.name(),
): Promise<void> {
  const [peer, locks] = await Promise.all([ctx.peer(), ctx.open()]);
  const { fencingToken } = await peer.acquire(name, { ...holding, ttl: ctx.time.ttl });
  const { granted } = await ctx.enqueue(locks, name, asking);
  await peer.kill();
  const next = await within(ctx.time.takeover, granted, 'the lock of a killed holder');
  increasing([fencingToken, next.fencingToken], 'after a crash');
  await next.release();
}

async function assertStillHeld(
  ctx: Context,
  lock: { held: boolean; renew(): Promise<void> },
  name: string,
): Promise<void> {
  const third = await ctx.open();
  assert.equal(await third.tryAcquire(name), null, 'a third client got the lock of the successor');
  assert.equal(lock.held, true, 'the successor lost its lock');
  await lock.renew();
}

async function orUndefined(
  locks: Locks,
  name: string,
): Promise<{ fencingToken: bigint; release(): Promise<void> } | undefined> {
  return (await locks.tryAcquire(name)) ?? undefined;
}
