import { setTimeout as sleep } from 'node:timers/promises';
import { nowMs } from './clock.ts';
import type { Client } from './contender.ts';

export interface Contest {
  /** What all want; `undefined`: each client something of its own, because what is no lock excludes nobody. */
  readonly name: string | undefined;
  /** By `nowMs`, so that clients of several processes begin and end together. */
  readonly from: number;
  readonly until: number;
}

/** All clients want one lock all the time, each for one task. Resolves with how often each held it. */
export async function contend(clients: readonly Client[], contest: Contest): Promise<readonly number[]> {
  await sleep(contest.from - nowMs());
  return await Promise.all(
    clients.map(async (client, i) => {
      let held = 0;
      while (nowMs() < contest.until) {
        const release = await client.acquire(contest.name ?? `bench-${process.pid}-${contest.from}-${i}`);
        if (nowMs() < contest.until) held += 1;
        await release();
      }
      return held;
    }),
  );
}

/** How far the most deviating of some counts is from their mean, in %. */
export function deviation(counts: readonly number[]): number {
  const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  return mean === 0 ? 0 : (100 * Math.max(...counts.map((count) => Math.abs(count - mean)))) / mean;
}
