import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Locks } from '@holdfast/core';
import { startRabbitmqCluster } from '@holdfast/testbed';
import type { RabbitmqCluster, RunningServer } from '@holdfast/testbed';
import { beforeAll, describe, expect, test } from 'vitest';
import { queueOf } from '../src/queue.ts';
import { served } from './returned.ts';
import { evaluate, isolate, open, operator } from './scene.ts';

const ACQUISITIONS = 300;

let cluster: RabbitmqCluster;
let members: readonly [RunningServer, RunningServer, RunningServer];

beforeAll(async () => {
  cluster = await startRabbitmqCluster();
  members = cluster.members as unknown as typeof members;
  return () => cluster[Symbol.asyncDispose]();
}, 120_000);

/** A queue is led by the node on which it was declared. */
async function queueOn(member: RunningServer): Promise<string> {
  const name = randomUUID();
  await (await (await open(member.url)).acquire(name)).release();
  expect((await cluster.leaderOf(queueOf('holdfast.', name))).port).toBe(member.port);
  return name;
}

/** Kills, goes on with what `during` does, and has the node back at the end. */
async function killed(member: RunningServer, during: () => Promise<void>): Promise<void> {
  await member.kill();
  try {
    await during();
  } finally {
    await member.restart();
    await delay(1000);
  }
}

/** After a partition the cluster's own database stays torn until the node starts anew: what is declared on one side may be unknown on the other. */
async function restarted(node: RunningServer): Promise<void> {
  await node.restart();
  for (const member of members) {
    await expect
      .poll(() => evaluate(member, 'length(rabbit_nodes:all_running())'), { timeout: 20_000 })
      .toBe('{ok, 3}');
  }
}

test('a try gets a free lock on every node, whichever leads its queue', async () => {
  const name = await queueOn(members[0]);
  const clients = await Promise.all(members.map(({ url }) => open(url)));
  for (let round = 0; round < 30; round += 1) {
    const lock = await (clients[round % 3] as Locks).tryAcquire(name);
    expect(lock, `round ${round}`).not.toBeNull();
    await lock?.release();
  }
});

describe('the node that leads the queue is killed while the lock is held and waited for', () => {
  test('who is connected to other nodes keeps what he holds, and his place', { timeout: 120_000 }, async () => {
    const [a, b, leader] = members;
    const name = await queueOn(leader);
    const [holder, waiter] = [await open(a.url), await open(b.url)];
    const lock = await holder.acquire(name, { ttl: '30s' });
    const waits = waiter.acquire(name, { ttl: '30s' });
    await delay(500);
    await killed(leader, async () => {
      await lock.renew();
      expect(lock.held).toBe(true);
      await lock.release();
      const next = await waits;
      expect(next.fencingToken).toBeGreaterThan(lock.fencingToken);
      await next.release();
    });
  });

  test('a holder on that node knows at once, and who waits elsewhere gets the lock', { timeout: 120_000 }, async () => {
    const [leader, other] = members;
    const name = await queueOn(leader);
    const [holder, waiter] = [await open(leader.url), await open(other.url)];
    const lock = await holder.acquire(name, { ttl: '30s' });
    const waits = waiter.acquire(name, { ttl: '30s' });
    await delay(500);
    await killed(leader, async () => {
      await delay(200);
      expect(lock.signal.aborted).toBe(true);
      const next = await waits;
      expect(next.fencingToken).toBeGreaterThan(lock.fencingToken);
      await next.release();
    });
  });

  test('under load none is lost and none doubled, and tokens grow', { timeout: 120_000 }, async () => {
    const [, , leader] = members;
    const name = await queueOn(leader);
    const clients = await Promise.all([1, 2, 3].map(() => open(cluster.url, { patience: '20s' })));
    const counting = count(clients, name);
    await delay(500);
    await killed(leader, () => delay(5000));
    const result = await counting;
    expect(result.done).toBeGreaterThanOrEqual(ACQUISITIONS);
    expect(result).toMatchObject({ most: 1, ordered: true });
  });
});

test(
  'a holder whose node is cut off from the others knows by its deadline; back again, it takes nothing from its successor',
  { timeout: 120_000 },
  async () => {
    const [leader, other, isolated] = members;
    const name = await queueOn(leader);
    const [holder, waiter] = [await open(isolated.url), await open(other.url)];
    const lock = await holder.acquire(name, { ttl: '6s' });
    const waits = waiter.acquire(name, { ttl: '30s' });
    await delay(500);
    const heal = await isolate(isolated, [leader, other]);
    // It takes a while to tell three nodes; a renewal may still get through meanwhile.
    const isolatedAt = performance.now();
    const next = await waits;
    expect(next.fencingToken).toBeGreaterThan(lock.fencingToken);
    while (!lock.signal.aborted) await delay(20);
    // A ttl of 6 s means heartbeats of 2 s, and so a deadline of 4 s.
    expect(performance.now() - isolatedAt).toBeLessThan(4000 + 1000);
    await heal();
    await delay(2000);
    await next.renew();
    expect(next.held).toBe(true);
    await next.release();
    const last = await waiter.acquire(name);
    expect(last.fencingToken).toBeGreaterThan(next.fencingToken);
    await last.release();
    await restarted(isolated);
  },
);

test('what comes back from a node that was cut off says so', { timeout: 120_000 }, async () => {
  const [leader, other, isolated] = members;
  const [{ channel }, { channel: next }] = [await operator(isolated.url), await operator(other.url)];
  const queue = randomUUID();
  const { channel: first } = await operator(leader.url);
  const options = { durable: true, arguments: { 'x-queue-type': 'quorum', 'x-single-active-consumer': true } };
  for (const each of [first, channel, next]) await each.assertQueue(queue, options);
  for (const text of ['1', '2', '3']) first.sendToQueue(queue, Buffer.from(text), { persistent: true });
  await Promise.all([channel.prefetch(2), next.prefetch(3)]);
  expect(await served(channel, queue, 2)).toEqual(['1', '2']);
  const after = served(next, queue, 3);
  const heal = await isolate(isolated, [leader, other]);
  expect(await after).toEqual(['1 again', '2 again', '3']);
  await heal();
  await restarted(isolated);
});

/** One counter, many hands: how often it was incremented, by how many at once at most, and whether the tokens grew. */
async function count(
  clients: readonly Locks[],
  name: string,
): Promise<{ done: number; most: number; ordered: boolean }> {
  let [done, inside, most, last, ordered] = [0, 0, 0, 0n, true];
  const hand = async (locks: Locks): Promise<void> => {
    while (done < ACQUISITIONS) {
      await locks.request(name, { ttl: '30s' }, async ({ fencingToken }) => {
        most = Math.max(most, (inside += 1));
        ordered &&= fencingToken > last;
        last = fencingToken;
        await delay(10);
        inside -= 1;
        done += 1;
      });
    }
  };
  await Promise.all(clients.flatMap((locks) => [hand(locks), hand(locks)]));
  return { done, most, ordered };
}
