/** Prints what things take; only their outcome is asserted. */
import { setTimeout as delay } from 'node:timers/promises';
import { sharedServer } from '@holdfast/testbed';
import { expect, onTestFinished, test } from 'vitest';
import { brokersOf } from '../src/driver.ts';
import { freshTopic, hostOf, open, rawClient } from './broker.ts';

const { url } = await sharedServer('kafka');
const hosts = hostOf(url);
const ROUNDS = 200;

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

function report(what: string, times: readonly number[]): void {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): string => (sorted[Math.floor(share * sorted.length)] ?? NaN).toFixed(2);
  console.log(`${what}: median ${at(0.5)} ms, p99 ${at(0.99)} ms`);
}

test('an uncontended acquire and a hand-over, beside one append that is read back', async () => {
  const topic = freshTopic();
  const [a, b] = [await open({ hosts, topic, partitions: 1 }), await open({ hosts, topic, partitions: 1 })];
  const broker = await brokersOf(rawClient(url))();
  await broker.connect();
  onTestFinished(() => broker.connectionPool.pool.forEach((connection) => void connection.disconnect()));
  await (await a.acquire('other')).release();

  const bare = freshTopic();
  await (await open({ hosts, topic: bare, partitions: 1 })).request('name', () => undefined);
  const end = await broker.listOffsets({ topics: [{ topic: bare, partitions: [{ partition: 0, timestamp: '-1' }] }] });
  let next = Number(end.responses[0]?.partitions[0]?.offset);
  const roundTrip = async (): Promise<void> => {
    const reading = broker.fetch({
      maxWaitTime: 1000,
      topics: [{ topic: bare, partitions: [{ partition: 0, fetchOffset: String(next), maxBytes: 10_000 }] }],
    });
    const messages = [{ key: null, value: 'x'.repeat(300) }];
    await broker.produce({ topicData: [{ topic: bare, partitions: [{ partition: 0, messages }] }] });
    await reading;
    next += 1;
  };
  const trips = [];
  for (let i = 0; i < ROUNDS; i += 1) trips.push(await timed(roundTrip));
  report('one append that is read back', trips);

  const acquires = [];
  for (let i = 0; i < ROUNDS; i += 1) {
    const startedAt = performance.now();
    const lock = await a.acquire('name');
    acquires.push(performance.now() - startedAt);
    await lock.release();
  }
  report('uncontended acquire', acquires);

  const handOvers = [];
  let [lock, token] = [await a.acquire('name'), 0n];
  for (let i = 0; i < ROUNDS; i += 1) {
    const waiting = (i % 2 === 0 ? b : a).acquire('name');
    await delay(5);
    const startedAt = performance.now();
    const releasing = lock.release();
    lock = await waiting;
    handOvers.push(performance.now() - startedAt);
    await releasing;
    expect(lock.fencingToken).toBeGreaterThan(token);
    token = lock.fencingToken;
  }
  await lock.release();
  report('hand-over', handOvers);
}, 60_000);

test('who comes after 100 000 records reads the last few, and sees what is held', async () => {
  const topic = freshTopic();
  const busy = await open({ hosts, topic, partitions: 1, patience: '60s' });
  const held = await busy.acquire('held all the time', { ttl: '1h' });
  let done = 0;
  const task = async (id: number): Promise<void> => {
    for (; done < 49_990; done += 1) await busy.request(`name ${id}`, () => undefined);
  };
  const ms = await timed(() => Promise.all(Array.from({ length: 500 }, (_, id) => task(id))));
  console.log(`${2 * done} records by 500 tasks of one client: ${ms.toFixed(0)} ms`);
  const starts = [];
  for (let i = 0; i < 10; i += 1) {
    const late = await open({ hosts, topic, partitions: 1 });
    starts.push(await timed(async () => await (await late.acquire(`late ${i}`)).release()));
    expect(await late.tryAcquire('held all the time')).toBeNull();
  }
  report('first lock and release of a new client', starts);
  const fresh = [];
  const empty = freshTopic();
  await (await open({ hosts, topic: empty, partitions: 1 })).request('name', () => undefined);
  for (let i = 0; i < 10; i += 1) {
    const locks = await open({ hosts, topic: empty, partitions: 1 });
    fresh.push(await timed(async () => await (await locks.acquire('name')).release()));
  }
  report('the same on a topic with few records', fresh);
  await held.release();
}, 120_000);

test('what a consumer group takes to hand a partition over', async () => {
  const topic = freshTopic();
  await (await open({ hosts, topic, partitions: 1 })).request('name', () => undefined);
  const groupId = topic;
  const join = async (): Promise<{ assigned: Promise<void>; leave: () => Promise<void> }> => {
    const consumer = rawClient(url).consumer({ groupId, sessionTimeout: 6000, heartbeatInterval: 500 });
    const assigned = new Promise<void>((resolve) => {
      consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
        if ((payload.memberAssignment[topic] ?? []).length > 0) resolve();
      });
    });
    await consumer.connect();
    await consumer.subscribe({ topic });
    void consumer.run({ eachMessage: () => Promise.resolve() });
    return { assigned, leave: () => consumer.disconnect() };
  };
  let holder = await join();
  report('the first assignment', [await timed(() => holder.assigned)]);
  const handOvers = [];
  for (let i = 0; i < 3; i += 1) {
    const next = await join();
    await delay(1500);
    handOvers.push(
      await timed(async () => {
        await holder.leave();
        await next.assigned;
      }),
    );
    holder = next;
  }
  report('from a member that leaves to the next', handOvers);
  await holder.leave();
  expect(handOvers).toHaveLength(3);
}, 60_000);
