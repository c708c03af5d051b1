import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createLocks } from '@holdfast/core';
import type { Lock } from '@holdfast/core';
import type { Arena } from '../arena.ts';
import type { BackendName } from '../backends.ts';
import { DEFAULT_TTL_MS } from '../contender.ts';
import type { Client, Release } from '../contender.ts';
import type { Entrant } from '../interleave.ts';
import { freshName } from '../scenario.ts';
import type { Scenario } from '../scenario.ts';
import { settled } from '../settled.ts';
import { openSockets } from '../sockets.ts';

const AT_ONCE = 200;
/** From so many on they take a while to get, and so a longer ttl. */
const MANY = 100_000;
const TTL_MS = { few: 15_000, many: 60_000, quick: 2000 } as const;
/** What is watched of that: two renewals. */
const WATCHED = 2 / 3;
/** How often in a ttl all locks are looked at. */
const LOOKS = 100;
const QUICK_COUNT = 200;
/** To get and to give back so many takes its time, in ms. */
const LIMIT_MS = 900_000;
const HEAP_SETTLE_MS = 50;
/** In bytes. */
const HEAP_NOISE = 4096;

/** More than that are no sensible use of it: each takes a connection, a channel and a queue, a file, or long to get. */
const MOST: Partial<Record<BackendName, number>> = {
  mysql: 0,
  rabbitmq: 1000,
  postgres: 10_000,
  file: 10_000,
  consul: 10_000,
  kafka: 10_000,
};

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** So many locks held by one process: what one costs in memory, and what all cost while nothing happens. */
export function held(count: number): Scenario {
  return {
    id: `held-${count}`,
    title: `Heap of one of ${count} locks held by one process, and what they come to while they are held`,
    unit: 'bytes',
    better: 'less',
    rounds: count < MANY ? 2 : 1,
    limitMs: LIMIT_MS,
    base: ({ quick }) => plain(sizeOf(count, quick)),
    async enter(contender, arena) {
      if (contender.role === 'raw' || count > (MOST[arena.backend] ?? Infinity)) return undefined;
      const size = sizeOf(count, arena.quick);
      if (contender.role === 'holdfast') return watched(contender.name, arena, size, ttlOf(count, arena.quick));
      const client = await contender.open(arena.url, DEFAULT_TTL_MS);
      return { name: contender.name, measure: () => heapOf(client, size), close: () => client.close() };
    },
  };
}

function sizeOf(count: number, quick: boolean): number {
  return quick ? Math.min(count, QUICK_COUNT) : count;
}

function ttlOf(count: number, quick: boolean): number {
  return quick ? TTL_MS.quick : count < MANY ? TTL_MS.few : TTL_MS.many;
}

/** An object of a name and a number. */
function plain(count: number): Entrant {
  return {
    name: 'a name and a number',
    async measure() {
      const before = await heap();
      const kept = Array.from({ length: count }, (_, i) => ({ name: freshName(), token: BigInt(i) }));
      const used = (await heap()) - before;
      return used / kept.length;
    },
    close: () => Promise.resolve(),
  };
}

async function heapOf(client: Client, count: number): Promise<number> {
  await (
    await client.acquire(freshName())
  )();
  const before = await heap();
  const kept: Release[] = [];
  try {
    await many(count, async () => void kept.push(await client.acquire(freshName())));
    return ((await heap()) - before) / kept.length;
  } finally {
    await many(kept.length, async () => void (await kept.pop()?.()));
  }
}

function watched(name: string, { url, counter }: Arena, count: number, ttlMs: number): Entrant {
  const seen: Record<string, number> = {};
  const worst = (what: string, value: number): void => void (seen[what] = Math.max(seen[what] ?? 0, value));
  return {
    name,
    async measure() {
      const socketsBefore = await openSockets();
      await using locks = await createLocks(url);
      await (await locks.acquire(freshName(), { ttl: ttlMs })).release();
      const before = await heap();
      const kept: Lock[] = [];
      await many(count, async () => void kept.push(await locks.acquire(freshName(), { ttl: ttlMs })));
      const used = (await heap()) - before;
      const socketsAfter = await openSockets();
      if (socketsBefore !== undefined && socketsAfter !== undefined) worst('connections', socketsAfter - socketsBefore);
      const look = async (): Promise<void> => worst('longest from renewal to renewal, of the ttl', await oldest(kept));
      if (counter === undefined) await look();
      else {
        const startedAt = performance.now();
        const counted = await counter.during(look);
        worst(`${counter.unit} per second`, (counted * 1000) / (performance.now() - startedAt));
      }
      const lost = kept.filter((lock) => !lock.held).length;
      if (lost > 0) throw new Error(`${lost} of ${count} locks were lost`);
      return used / kept.length;
    },
    also: () => seen,
    close: () => Promise.resolve(),
  };

  /** The longest that a proof had to last, as a share of the ttl: a third is planned. */
  async function oldest(kept: readonly Lock[]): Promise<number> {
    let [least, most] = [Infinity, 0];
    for (let look = 0; look < LOOKS * WATCHED; look += 1) {
      for (const lock of kept) {
        const { remainingMs } = lock;
        least = Math.min(least, remainingMs);
        most = Math.max(most, remainingMs);
      }
      await sleep(ttlMs / LOOKS);
    }
    return (most - least) / ttlMs;
  }
}

async function many(count: number, work: () => Promise<void>): Promise<void> {
  for (let done = 0; done < count; done += AT_ONCE)
    await settled(Array.from({ length: Math.min(AT_ONCE, count - done) }, work));
}

/** What others have let go of comes to its end first: as long as each look finds less. */
async function heap(): Promise<number> {
  for (let least = Infinity; ;) {
    collect();
    await sleep(HEAP_SETTLE_MS);
    collect();
    const { heapUsed } = process.memoryUsage();
    if (heapUsed > least - HEAP_NOISE) return heapUsed;
    least = heapUsed;
  }
}
