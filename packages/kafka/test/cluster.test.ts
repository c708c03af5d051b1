import { setTimeout as delay } from 'node:timers/promises';
import { startKafkaCluster } from '@holdfast/testbed';
import { expect, onTestFinished, test } from 'vitest';
import { administer, freshTopic, open, rawClient } from './broker.ts';

type Cluster = Awaited<ReturnType<typeof startKafkaCluster>>;

/** Of the only partition. */
async function leaderOf(cluster: Cluster, topic: string): Promise<Cluster['members'][number]> {
  const { topics } = await administer(rawClient(cluster.url), (admin) => admin.fetchTopicMetadata({ topics: [topic] }));
  const leader = cluster.members[(topics[0]?.partitions[0]?.leader ?? 0) - 1];
  if (leader === undefined) throw new Error('no leader');
  return leader;
}

/** 1000 acquisitions by twenty tasks of five clients on one name, while `fault` is done to the leader of its partition. */
async function underLoad(fault: (leader: Cluster['members'][number]) => Promise<void>): Promise<void> {
  const cluster = await startKafkaCluster();
  onTestFinished(() => cluster[Symbol.asyncDispose]());
  const hosts = cluster.url.replace(/^kafka:\/\//, '').split(',');
  const topic = freshTopic();
  const clients = await Promise.all(
    Array.from({ length: 5 }, () => open({ hosts, topic, partitions: 1, patience: '30s' })),
  );
  const tokens: bigint[] = [];
  let inside = 0;
  let overlaps = 0;
  let lastAt = performance.now();
  let longestStallMs = 0;
  const work = Array.from({ length: 20 }, async (_, i) => {
    for (let round = 0; round < 50; round += 1) {
      await clients[i % 5]?.request('hot', { ttl: '40s' }, async (lock) => {
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
  await expect.poll(() => tokens.length, { timeout: 60_000, interval: 5 }).toBeGreaterThan(300);
  await fault(await leaderOf(cluster, topic));
  await Promise.all(work);
  console.log(`longest stall ${longestStallMs.toFixed(0)} ms`);
  expect(overlaps).toBe(0);
  expect(tokens).toHaveLength(1000);
  expect(tokens.every((token, i) => token > (tokens[i - 1] ?? 0n))).toBe(true);
}

test('the leader of the partition is killed under load: of 1000 acquisitions none is lost and none doubled', async () => {
  await underLoad((leader) => leader.kill());
}, 180_000);

test('it freezes under load, and wakes up later: none is lost and none doubled', async () => {
  await underLoad(async (leader) => {
    await leader.pause();
    await delay(15_000);
    await leader.resume();
  });
}, 180_000);
