import { setTimeout as delay } from 'node:timers/promises';
import { createLocks } from '@holdfast/core';
import { startEtcdCluster } from '@holdfast/testbed';
import type { EtcdCluster, RunningServer } from '@holdfast/testbed';
import { expect, onTestFinished, test } from 'vitest';
import { rawClient } from './etcd.ts';

async function leaderOf(cluster: EtcdCluster): Promise<RunningServer> {
  for (const member of cluster.members) {
    const client = rawClient(member.url);
    const { header, leader } = await client.maintenance.status();
    client.close();
    if (header.member_id === leader) return member;
  }
  throw new Error('no leader');
}

/** 1000 acquisitions by twenty tasks of five clients on one name, while `fault` is done to the leader. */
async function underLoad(fault: (leader: RunningServer) => Promise<void>): Promise<void> {
  const cluster = await startEtcdCluster();
  onTestFinished(() => cluster[Symbol.asyncDispose]());
  const clients = await Promise.all(Array.from({ length: 5 }, () => createLocks(cluster.url)));
  onTestFinished(async () => void (await Promise.all(clients.map((locks) => locks.close()))));
  const tokens: bigint[] = [];
  let inside = 0;
  let overlaps = 0;
  let lastAt = performance.now();
  let longestStallMs = 0;
  const work = Array.from({ length: 20 }, async (_, i) => {
    for (let round = 0; round < 50; round += 1) {
      await clients[i % 5]?.request('hot', { ttl: '20s' }, async (lock) => {
        inside += 1;
        if (inside > 1) overlaps += 1;
        longestStallMs = Math.max(longestStallMs, performance.now() - lastAt);
        lastAt = performance.now();
        tokens.push(lock.fencingToken);
        await delay(1);
        inside -= 1;
      });
    }
  });
  const leader = await leaderOf(cluster);
  await expect.poll(() => tokens.length, { timeout: 60_000, interval: 5 }).toBeGreaterThan(300);
  await fault(leader);
  await Promise.all(work);
  console.log(`longest stall ${longestStallMs.toFixed(0)} ms`);
  expect(overlaps).toBe(0);
  expect(tokens).toHaveLength(1000);
  expect(tokens.every((token, i) => token > (tokens[i - 1] ?? 0n))).toBe(true);
}

test('the leader is killed under load: of 1000 acquisitions none is lost and none doubled', async () => {
  await underLoad((leader) => leader.kill());
}, 120_000);

test('the leader freezes under load, and wakes up later: none is lost and none doubled', async () => {
  await underLoad(async (leader) => {
    await leader.pause();
    await delay(5000);
    await leader.resume();
  });
}, 120_000);
