import type { Lock, Locks } from '@holdfast/core';
import type { RedisCluster, RunningServer } from '@holdfast/testbed';
import { expect, test } from 'vitest';
import { channelsAt, clientOf, namesAt, open, ownCluster, slotOfName } from './cluster.ts';
import { pending, until } from './traffic.ts';

/** Until a dead master is replaced. */
const NODE_TIMEOUT_MS = 2000;

/** What the master has written so far is at its replica, too. */
async function inStep(member: RunningServer): Promise<void> {
  const client = clientOf(member);
  await client.ping();
  await until(async () => (await client.wait(1, 1000)) >= 1);
}

/** Another one serves the slot. */
async function takenOver(cluster: RedisCluster, slot: number, from: RunningServer): Promise<RunningServer> {
  await until(async () => (await cluster.ownerOf(slot).catch(() => from)) !== from, 30_000);
  return await cluster.ownerOf(slot);
}

/** A replica that is told to take over. The masters vote for a master's replicas at most once in two node timeouts, so it may have to be told again. */
async function order(cluster: RedisCluster, slot: number, to: RunningServer): Promise<void> {
  const isDone = async (): Promise<boolean> => (await cluster.ownerOf(slot).catch(() => undefined)) === to;
  for (let tries = 0; tries < 5; tries += 1) {
    await cluster.ask(to, 'CLUSTER', 'FAILOVER');
    if (
      await until(isDone, 6000).then(
        () => true,
        () => false,
      )
    )
      return;
  }
  throw new Error('The replica does not take over');
}

/** Ten of them wait, in their order. */
async function line(
  name: string,
  holder: Locks,
  waiting: readonly Locks[],
  ttl: number,
): Promise<{ served: number[]; waits: Promise<Lock>[] }> {
  const served: number[] = [];
  const waits: Promise<Lock>[] = [];
  for (const [i, locks] of waiting.entries()) {
    waits.push(
      locks.acquire(name, { ttl }).then(async (lock) => {
        served.push(i);
        await lock.release();
        return lock;
      }),
    );
    await until(async () => (await pending(holder, name)) === i + 1);
  }
  return { served, waits };
}

test('a master dies and its replica takes over: what is held stays held, who waits keeps its place', async () => {
  const cluster = await ownCluster({ nodeTimeoutMs: NODE_TIMEOUT_MS });
  const [master] = cluster.members;
  const [name = ''] = await namesAt(cluster, master, 1);
  const holder = await open(cluster.url);
  const waiting = await Promise.all(Array.from({ length: 10 }, () => open(cluster.url)));
  const held = await holder.acquire(name, { ttl: 60_000 });
  const { served, waits } = await line(name, holder, waiting, 60_000);
  await inStep(master);
  await master.kill();
  const next = await takenOver(cluster, slotOfName(name), master);
  await until(async () => (await channelsAt(clientOf(next))).length === 11, 10_000);
  expect(held.held).toBe(true);
  await held.renew();
  await held.release();
  const tokens = (await Promise.all(waits)).map(({ fencingToken }) => fencingToken);
  expect(served).toEqual(Array.from({ length: 10 }, (_, i) => i));
  expect([held.fencingToken, ...tokens]).toEqual([held.fencingToken, ...tokens].toSorted((a, b) => (a < b ? -1 : 1)));
  // The former master comes back as a replica: nobody is misled by it.
  await master.restart();
  await until(async () => String(await cluster.ask(master, 'INFO', 'replication')).includes('role:slave'), 20_000);
  await (await holder.acquire(name)).release();
});

test('a replica takes over by order, and its master stays: subscriptions follow', async () => {
  const cluster = await ownCluster({ masters: 1, replicas: 1, nodeTimeoutMs: NODE_TIMEOUT_MS });
  const [master] = cluster.members;
  const replica = cluster.members[1] ?? master;
  const [holder, waiting] = [await open(cluster.url), await open(cluster.url)];
  for (const to of [replica, master]) {
    const held = await holder.acquire('ordered', { ttl: '60s' });
    const wait = waiting.acquire('ordered', { ttl: '60s' });
    await until(async () => (await pending(holder, 'ordered')) === 1);
    await order(cluster, slotOfName('ordered'), to);
    await until(async () => (await channelsAt(clientOf(to))).length >= 2, 10_000);
    await held.release();
    const next = await wait;
    expect(next.fencingToken).toBeGreaterThan(held.fencingToken);
    await next.release();
  }
});

test('names of the other masters are served as soon as the cluster is, also to a client that starts meanwhile', async () => {
  const cluster = await ownCluster({ nodeTimeoutMs: NODE_TIMEOUT_MS, args: ['--cluster-require-full-coverage', 'no'] });
  const [dying, alive] = cluster.members;
  const [elsewhere = ''] = await namesAt(cluster, alive ?? dying, 1);
  const locks = await open(cluster.url);
  await (await locks.acquire(elsewhere)).release();
  await dying.kill();
  // The dead node is the first that the URL names.
  const late = await open(cluster.url);
  for (const each of [locks, late]) await (await each.acquire(elsewhere)).release();
});
