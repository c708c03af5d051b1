import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Lock, Locks } from '@holdfast/core';
import { sharedServer } from '@holdfast/testbed';
import { expect, test } from 'vitest';
import { clients } from './line.ts';
import { lost } from './scene.ts';

/** The same each time, from `seed`. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

test(
  'whatever the order of releases, thefts and requests that are given up: one holds, and tokens grow',
  { timeout: 120_000 },
  async () => {
    const { url } = await sharedServer('consul');
    const name = randomUUID();
    const holders = new Map<bigint, Lock>();
    let [newest, newestTheft, done] = [0n, 0n, 0];
    const violations: string[] = [];
    const enter = async (lock: Lock, isThief: boolean): Promise<void> => {
      const { fencingToken: token } = lock;
      done += 1;
      // It was stolen while the news of its grant were under way: that of the theft comes, too.
      if (token < newestTheft) return void (await lost(lock.signal));
      if (token <= newest) violations.push(`${token} after ${newest}`);
      newest = token;
      // A victim learns of it a moment later; nobody else may hold.
      if (isThief) [newestTheft] = [token, holders.clear()];
      for (const [before, other] of holders) if (other.held) violations.push(`${token} beside ${before}`);
      holders.set(token, lock);
    };
    const hand = async (locks: Locks, next: (below: number) => number): Promise<void> => {
      for (let step = 0; step < 60; step += 1) {
        const steal = next(12) === 0;
        const signal = !steal && next(6) === 0 ? AbortSignal.timeout(1 + next(30)) : undefined;
        const [lock] = await Promise.allSettled([
          locks.acquire(name, { ttl: '60s', steal, ...(signal && { signal }) }),
        ]);
        if (lock.status === 'rejected') continue;
        await enter(lock.value, steal);
        await delay(next(8));
        holders.delete(lock.value.fencingToken);
        await lock.value.release();
      }
    };
    const all = await clients(url, 4);
    await Promise.all([...all, ...all].map((locks, i) => hand(locks, random(i + 1))));
    expect(violations).toEqual([]);
    expect(done).toBeGreaterThan(200);
    expect(await all[0]?.query(name)).toEqual({ held: [], pending: [] });
  },
);
