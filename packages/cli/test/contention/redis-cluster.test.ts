import { startRedisCluster } from '@holdfast/testbed';
import type { RedisCluster } from '@holdfast/testbed';
import { expect, test } from 'vitest';
import { checkContention } from './check.ts';

/** The fewest in which all that happens to holders has its turn. */
const ADDITIONS = Number(process.env['HOLDFAST_TEST_ADDITIONS'] ?? 13);
/** Of the lock, in ms, between two moves to the next master. */
const REST_MS = 500;

test(
  `20 processes add to one counter ${ADDITIONS} times each on a Redis Cluster: exact, while holders are killed and frozen, and the lock's slot moves from master to master`,
  { timeout: 900_000 },
  async () => {
    await using cluster = await startRedisCluster();
    const over = new AbortController();
    const [count] = await Promise.all([
      reshard(cluster, over.signal),
      checkContention(ADDITIONS, cluster.url).finally(() => over.abort()),
    ]);
    console.log(`${count} moves of the slot`);
    expect(count).toBeGreaterThan(ADDITIONS / 2);
  },
);

/** With keys of others in the same slot, so that a move takes its time. */
async function reshard(cluster: RedisCluster, over: AbortSignal): Promise<number> {
  const [first] = cluster.members;
  const slot = Number(await cluster.ask(first, 'CLUSTER', 'KEYSLOT', '{counter}'));
  const owner = await cluster.ownerOf(slot);
  for (let i = 0; i < 200; i += 1) await cluster.ask(owner, 'SET', `{counter}${i}`, 'x'.repeat(1000));
  const masters = cluster.members.slice(0, 3);
  for (let moves = 0; ; moves += 1) {
    if (over.aborted) return moves;
    await cluster.reshard([slot], masters[moves % masters.length] ?? first);
    await new Promise((resolve) => setTimeout(resolve, REST_MS));
  }
}
