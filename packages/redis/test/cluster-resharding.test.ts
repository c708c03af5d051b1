import { setTimeout as delay } from 'node:timers/promises';
import type { Lock } from '@holdfast/core';
import { beginMove, endMove, moveKeys } from '@holdfast/testbed';
import type { RunningServer } from '@holdfast/testbed';
import { expect, test } from 'vitest';
import { channelsAt, clientOf, open, ownCluster, pause, slotOfName } from './cluster.ts';
import { pending, until } from './traffic.ts';

/** The owner of a name's slot, and a master that is another. */
async function placeOf(
  cluster: Awaited<ReturnType<typeof ownCluster>>,
  name: string,
): Promise<{ slot: number; from: RunningServer; to: RunningServer }> {
  const slot = slotOfName(name);
  const from = await cluster.ownerOf(slot);
  const to = cluster.members.find((member) => member !== from);
  if (to === undefined) throw new Error('there is no other');
  return { slot, from, to };
}

test('a slot moves while it is held and waited for: the hold goes on, and all who wait keep their places', async () => {
  const cluster = await ownCluster({ replicas: 0 });
  const name = 'moving';
  const { slot, from, to } = await placeOf(cluster, name);
  const holder = await open(cluster.url);
  const waiting = await Promise.all(Array.from({ length: 10 }, () => open(cluster.url)));
  const held = await holder.acquire(name, { ttl: 2000 });
  const order: number[] = [];
  const waits = [];
  for (const [i, locks] of waiting.entries()) {
    const wait = locks.acquire(name, { ttl: '20s' }).then(async (lock) => {
      order.push(i);
      await lock.release();
      return lock;
    });
    waits.push(wait);
    await until(async () => (await pending(holder, name)) === i + 1);
  }
  await cluster.reshard([slot], to);
  // The holder and all who wait have followed.
  await until(async () => (await channelsAt(clientOf(to))).length === 11);
  expect(await channelsAt(clientOf(from))).toEqual([]);
  await delay(2500);
  expect(held.held).toBe(true);
  expect(await pending(holder, name)).toBe(10);
  await held.release();
  const tokens = (await Promise.all(waits)).map(({ fencingToken }) => fencingToken);
  expect(order).toEqual(Array.from({ length: 10 }, (_, i) => i));
  expect([held.fencingToken, ...tokens]).toEqual([held.fencingToken, ...tokens].toSorted((a, b) => (a < b ? -1 : 1)));
});

test('a slot that stays on its way for longer than a ttl: exclusive holds are renewed at either end, all else waits for it', async () => {
  const cluster = await ownCluster({ masters: 2, replicas: 0 });
  const name = 'half way';
  const { slot, from, to } = await placeOf(cluster, name);
  const [holder, other] = [await open(cluster.url), await open(cluster.url)];
  const held = await holder.acquire(name, { ttl: 1500 });
  await beginMove(slot, from, to, cluster.ask);
  await delay(2000);
  expect(held.held).toBe(true);
  await moveKeys(slot, from, to, cluster.ask, undefined);
  // Renewals are sent on by ASK, to a node that does not know the script.
  await delay(2000);
  await cluster.ask(to, 'SCRIPT', 'FLUSH');
  await held.renew();
  expect(held.held).toBe(true);
  const wait = other.acquire(name);
  await delay(500);
  await endMove(slot, from, to, cluster.members, cluster.ask);
  await until(async () => (await pending(other, name)) === 1);
  await held.release();
  const next = await wait;
  expect(next.fencingToken).toBeGreaterThan(held.fencingToken);
  await next.release();
});

test('a shared hold and a permit that are on their way are renewed once they have arrived', async () => {
  const cluster = await ownCluster({ masters: 2, replicas: 0 });
  const locks = await open(cluster.url);
  const held: Lock[] = [];
  for (const name of ['read', 'limited']) {
    const { slot, from, to } = await placeOf(cluster, name);
    const options = name === 'read' ? ({ mode: 'shared' } as const) : { permits: 3 };
    for (let i = 0; i < 3; i += 1) held.push(await locks.acquire(name, { ttl: 2000, ...options }));
    await beginMove(slot, from, to, cluster.ask);
    await delay(400);
    await moveKeys(slot, from, to, cluster.ask, undefined);
    await delay(400);
    await endMove(slot, from, to, cluster.members, cluster.ask);
  }
  await delay(2500);
  expect(held.map((lock) => lock.held)).toEqual(held.map(() => true));
  for (const lock of held) await lock.release();
  expect(await locks.query()).toEqual({ held: [], pending: [] });
});

test('a request that comes while its slot is on its way is served by the new owner, which has never seen the script', async () => {
  const cluster = await ownCluster({ masters: 2, replicas: 0 });
  const name = 'new to you';
  const { slot, from, to } = await placeOf(cluster, name);
  const locks = await open(cluster.url);
  await (await locks.acquire(name)).release();
  await cluster.ask(to, 'SCRIPT', 'FLUSH');
  await cluster.ask(from, 'DEL', `holdfast:{${name}}:token`);
  // There is nothing to move: the source sends each script on to the target, which puts it off.
  await beginMove(slot, from, to, cluster.ask);
  const work = locks.acquire(name);
  await delay(300);
  await endMove(slot, from, to, cluster.members, cluster.ask);
  const lock = await work;
  expect(await clientOf(to).keys('holdfast:*')).toHaveLength(2);
  await lock.release();
});

test('20 tasks of five clients add to counters of as many names, while their slots go round: exact', async () => {
  const cluster = await ownCluster({ masters: 3, replicas: 0 });
  const clients = await Promise.all(Array.from({ length: 5 }, () => open(cluster.url)));
  const names = ['hot', 'warm', 'cold'];
  const counters = new Map(names.map((name) => [name, { inside: 0, overlaps: 0, tokens: [] as bigint[] }]));
  const work = Array.from({ length: 20 }, async (_, i) => {
    for (let round = 0; round < 30; round += 1) {
      const name = names[(i + round) % names.length] ?? '';
      const counter = counters.get(name);
      await clients[i % 5]?.request(name, { ttl: '20s' }, async (lock) => {
        if (counter === undefined) return;
        counter.inside += 1;
        if (counter.inside > 1) counter.overlaps += 1;
        counter.tokens.push(lock.fencingToken);
        await pause();
        counter.inside -= 1;
      });
    }
  });
  let moving = true;
  const moves = (async () => {
    let count = 0;
    for (let i = 0; moving; i += 1) {
      const to = cluster.members[i % 3] ?? cluster.members[0];
      await cluster.reshard(
        names.map((name) => slotOfName(name)),
        to,
      );
      count += 1;
      await delay(200);
    }
    return count;
  })();
  await Promise.all(work).finally(() => (moving = false));
  expect(await moves).toBeGreaterThan(5);
  const all = [...counters.values()];
  expect(all.map(({ overlaps }) => overlaps)).toEqual([0, 0, 0]);
  expect(all.reduce((sum, { tokens }) => sum + tokens.length, 0)).toBe(600);
  for (const { tokens } of all) expect(tokens).toEqual(tokens.toSorted((a, b) => (a < b ? -1 : 1)));
});
