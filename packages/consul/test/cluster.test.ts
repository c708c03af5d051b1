import { setTimeout as delay } from 'node:timers/promises';
import type { Locks } from '@holdfast/core';
import { startConsulCluster } from '@holdfast/testbed';
import type { ConsulCluster, RunningServer } from '@holdfast/testbed';
import { expect, onTestFinished, test } from 'vitest';
import { open, Operator } from './scene.ts';

const ACQUISITIONS = 400;

async function startCluster(): Promise<ConsulCluster> {
  const cluster = await startConsulCluster();
  onTestFinished(() => cluster[Symbol.asyncDispose]());
  return cluster;
}

/** By the node on which it listens for the others. */
async function leaderOf({ members }: ConsulCluster): Promise<RunningServer> {
  for (const member of members) {
    const { Member: self } = (await new Operator(member.url).ask('GET', 'agent/self')) as { Member: { Addr: string } };
    if ((await new Operator(member.url).ask('GET', 'status/leader')) === `${self.Addr}:8300`) return member;
  }
  throw new Error('The cluster has no leader');
}

/** One counter, many hands: how often it was incremented, by how many at once at most, and whether the tokens grew. */
async function count(
  clients: readonly Locks[],
  during: () => Promise<void>,
): Promise<{ done: number; most: number; ordered: boolean }> {
  let [done, inside, most, last, ordered] = [0, 0, 0, 0n, true];
  const hand = async (locks: Locks): Promise<void> => {
    while (done < ACQUISITIONS) {
      await locks.request('counter', { ttl: '30s' }, async ({ fencingToken }) => {
        most = Math.max(most, (inside += 1));
        ordered &&= fencingToken > last;
        last = fencingToken;
        await delay(2);
        inside -= 1;
        done += 1;
      });
    }
  };
  await Promise.all([...clients.flatMap((locks) => [hand(locks), hand(locks)]), during()]);
  return { done, most, ordered };
}

test.each([
  ['killed', (leader: RunningServer) => leader.kill()],
  ['frozen', (leader: RunningServer) => leader.pause()],
] as const)(
  'the leader is %s under load: no acquisition is lost or doubled, and who held holds',
  { timeout: 90_000 },
  async (_, strike) => {
    const cluster = await startCluster();
    const clients = await Promise.all([1, 2, 3].map(() => open(cluster.url)));
    const holder = await open(cluster.url);
    const kept = await holder.acquire('kept', { ttl: '30s' });
    const result = await count(clients, async () => {
      await delay(500);
      await strike(await leaderOf(cluster));
      // In this time the cluster forgets a dead member.
      await delay(12_000);
    });
    expect(result.done).toBeGreaterThanOrEqual(ACQUISITIONS);
    expect(result).toMatchObject({ most: 1, ordered: true });
    await kept.renew();
    expect(kept.held).toBe(true);
    await kept.release();
  },
);
