/** Guarantee 2: tokens of one name strictly increase in the order of the grants, whatever happened in between. */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import type { ConformanceCase } from '../case.ts';
import { increasing, within } from '../expect.ts';

export const fencing: readonly ConformanceCase[] = [
  {
    id: 'fencing/after-release',
    title: 'each hold has a greater token than the one before, whoever holds',
    requires: [],
    async run(ctx) {
      const clients = [await ctx.open(), await ctx.open()];
      const peer = await ctx.peer();
      const name = ctx.name();
      const tokens: bigint[] = [];
      for (let round = 0; round < 8; round += 1) {
        for (const client of [...clients, peer]) {
          const lock = await client.acquire(name);
          tokens.push(lock.fencingToken);
          await lock.release();
        }
      }
      assert.ok((tokens[0] ?? 0n) > 0n && (tokens.at(-1) ?? 0n) < 2n ** 63n, 'tokens are positive and fit 63 bits');
      increasing(tokens, 'after releases');
    },
  },
  {
    id: 'fencing/waiters',
    title: 'waiters get their tokens in the order in which they are granted the lock',
    requires: [],
    async run(ctx) {
      const clients = [await ctx.open(), await ctx.open(), await ctx.open()];
      const name = ctx.name();
      const tokens: bigint[] = [];
      const turn = async (lock: { fencingToken: bigint }): Promise<void> => {
        tokens.push(lock.fencingToken);
        await delay(1);
      };
      await Promise.all(clients.flatMap((locks) => [1, 2, 3, 4].map(() => locks.request(name, turn))));
      increasing(tokens, 'in the order in which the holders entered');
    },
  },
  {
    id: 'fencing/after-expiry',
    title: 'the token grows after a hold that ended by itself',
    requires: [],
    async run(ctx) {
      const [first, second] = [await ctx.open(), await ctx.open()];
      const name = ctx.name();
      const expired = await first.acquire(name, { ttl: ctx.time.ttl, renew: false });
      const next = await within(ctx.time.takeover, second.acquire(name), 'the hold ends by itself');
      increasing([expired.fencingToken, next.fencingToken], 'after an expiry');
      await next.release();
    },
  },
  {
    id: 'fencing/after-a-crash',
    title: 'the token grows after a holder was killed',
    requires: [],
    async run(ctx) {
      const [peer, locks] = await Promise.all([ctx.peer(), ctx.open()]);
      const name = ctx.name();
      const { fencingToken } = await peer.acquire(name, { ttl: ctx.time.ttl });
      await peer.kill();
      const next = await within(ctx.time.takeover, locks.acquire(name), 'the lock of a killed holder');
      increasing([fencingToken, next.fencingToken], 'after a crash');
      await next.release();
    },
  },
  {
    id: 'fencing/steal-ahead-of-waiters',
    title: 'a thief gets a greater token than the holder, and who waited before the theft a greater one than the thief',
    requires: ['steal'],
    async run(ctx) {
      const [holder, waiter, thief] = [await ctx.open(), await ctx.open(), await ctx.open()];
      const name = ctx.name();
      const held = await holder.acquire(name);
      const { granted } = await ctx.enqueue(waiter, name);
      const stolen = await thief.acquire(name, { steal: true });
      await stolen.release();
      const last = await within(ctx.time.prompt, granted, 'the waiter is next after the thief');
      increasing([held.fencingToken, stolen.fencingToken, last.fencingToken], 'after a theft');
      await last.release();
    },
  },
  {
    id: 'fencing/after-an-abort',
    title: 'waits that were aborted do not set tokens back',
    requires: [],
    async run(ctx) {
      const [holder, waiter] = [await ctx.open(), await ctx.open()];
      const name = ctx.name();
      const tokens: bigint[] = [];
      for (let round = 0; round < 5; round += 1) {
        const lock = await holder.acquire(name);
        tokens.push(lock.fencingToken);
        const controller = new AbortController();
        const { granted } = await ctx.enqueue(waiter, name, { signal: controller.signal });
        controller.abort();
        await granted.catch(() => undefined);
        await lock.release();
      }
      increasing(tokens, 'with aborted waits in between');
    },
  },
  {
    id: 'fencing/after-reopening',
    title: 'the token grows after all clients were closed and new ones opened',
    requires: [],
    async run(ctx) {
      const name = ctx.name();
      const tokens: bigint[] = [];
      for (let round = 0; round < 3; round += 1) {
        const locks = await ctx.open();
        tokens.push((await locks.acquire(name)).fencingToken);
        await locks.close();
      }
      increasing(tokens, 'over reopened clients');
    },
  },
  {
    id: 'fencing/after-idling',
    title: 'the token grows after nobody has used the name for longer than a ttl',
    requires: [],
    async run(ctx) {
      const locks = await ctx.open();
      const name = ctx.name();
      const before = await locks.acquire(name, { ttl: ctx.time.ttl });
      await before.release();
      await delay(1.5 * ctx.time.ttl + ctx.manifest.ttl.granularityMs);
      const after = await locks.acquire(name, { ttl: ctx.time.ttl });
      increasing([before.fencingToken, after.fencingToken], 'after idling');
      await after.release();
    },
  },
  {
    id: 'fencing/shared',
    title: 'each shared holder has a token of its own, in the order of the grants',
    requires: ['shared'],
    async run(ctx) {
      const clients = [await ctx.open(), await ctx.open(), await ctx.open()];
      const name = ctx.name();
      const tokens: bigint[] = [];
      for (const locks of [...clients, ...clients])
        tokens.push((await locks.acquire(name, { mode: 'shared' })).fencingToken);
      increasing(tokens, 'among shared holders');
    },
  },
];
