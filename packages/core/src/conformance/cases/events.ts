/** What `node:diagnostics_channel` tells. */
import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { setTimeout as delay } from 'node:timers/promises';
import type { ConformanceCase } from '../case.ts';
import type { Context } from '../context.ts';
import type { LockEvent } from '../../client/events.ts';
import { within } from '../expect.ts';

const kinds = ['acquire', 'granted', 'contended', 'renewed', 'lost', 'released'] as const;

interface Seen extends LockEvent {
  readonly kind: (typeof kinds)[number];
}

export const events: readonly ConformanceCase[] = [
  {
    id: 'events/uncontended',
    title: 'a lock tells that it was asked for, granted, renewed and released, with durations',
    requires: [],
    async run(ctx) {
      const locks = await ctx.open();
      const name = ctx.name();
      const seen = await listening(name, async () => {
        const lock = await locks.acquire(name, { ttl: ctx.time.ttl });
        // A renewal is due at a third of it; a machine that is late with that by as much again is no defect.
        await delay((2 * ctx.time.ttl) / 3);
        await lock.release();
      });
      const order = seen.map(({ kind }) => kind);
      assert.deepEqual(
        order.filter((kind) => kind !== 'renewed'),
        ['acquire', 'granted', 'released'],
      );
      assert.ok(order.includes('renewed'), 'no renewal was told of in two thirds of a ttl');
      for (const event of seen) {
        assert.equal(event.clientId, locks.clientId);
        assert.equal(event.backend, locks.backend);
        assert.equal(event.mode, 'exclusive');
        if (event.kind === 'acquire') continue;
        assert.equal(typeof event.fencingToken, 'bigint', event.kind);
        assert.ok((event.durationMs ?? -1) >= 0, `${event.kind} took ${event.durationMs} ms`);
      }
      const held = seen.at(-1)?.durationMs ?? 0;
      assert.ok(held > 0.6 * ctx.time.ttl, `it was held for two thirds of a ttl, but told of ${held} ms`);
    },
  },
  {
    id: 'events/contended',
    title: 'a request that must wait tells so once, and how long it waited',
    requires: [],
    async run(ctx) {
      const [holder, waiter] = [await ctx.open(), await ctx.open()];
      const name = ctx.name();
      const seen = await listening(name, async () => {
        const lock = await holder.acquire(name);
        const { granted } = await ctx.enqueue(waiter, name);
        await delay(100);
        await lock.release();
        await (await within(ctx.time.prompt, granted, 'the waiter')).release();
      });
      const ofWaiter = seen.filter(({ clientId }) => clientId === waiter.clientId);
      assert.deepEqual(
        ofWaiter.map(({ kind }) => kind),
        ['acquire', 'contended', 'granted', 'released'],
      );
      const waited = ofWaiter[2]?.durationMs ?? 0;
      assert.ok(waited >= 95, `it waited for 100 ms, but told of ${waited}`);
    },
  },
  {
    id: 'events/lost',
    title: 'a loss is told of, with its error',
    requires: [],
    async run(ctx) {
      const seen = await lossOf(ctx);
      const lost = seen.find(({ kind }) => kind === 'lost');
      assert.equal((lost?.error as { code?: unknown } | undefined)?.code, 'LOCK_LOST');
      assert.equal(typeof lost?.fencingToken, 'bigint');
      assert.ok((lost?.durationMs ?? 0) > 0.5 * ctx.time.ttl);
    },
  },
];

function lossOf(ctx: Context): Promise<Seen[]> {
  const name = ctx.name();
  return listening(name, async () => {
    const locks = await ctx.open();
    const { signal } = await locks.acquire(name, { ttl: ctx.time.ttl, renew: false });
    await within(ctx.time.takeover, new Promise((resolve) => signal.addEventListener('abort', resolve)), 'the loss');
  });
}

/** The events of one name while `work` runs. */
async function listening(name: string, work: () => Promise<void>): Promise<Seen[]> {
  const seen: Seen[] = [];
  const listeners = kinds.map((kind) => {
    const listener = (event: unknown): void => {
      if ((event as LockEvent).name === name) seen.push({ ...(event as LockEvent), kind });
    };
    subscribe(`holdfast:${kind}`, listener);
    return { kind, listener };
  });
  try {
    await work();
  } finally {
    for (const { kind, listener } of listeners) unsubscribe(`holdfast:${kind}`, listener);
  }
  return seen;
}
