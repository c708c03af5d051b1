import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { createLocks } from '@holdfast/core';
import { rabbitmq } from '@holdfast/rabbitmq';
import { connect } from 'amqplib';
import { expect, onTestFinished, test } from 'vitest';
import { queueOf } from '../src/queue.ts';
import { evaluate, open, openProxy, operator, ownServer, sharedUrl, until } from './scene.ts';

test('a hold outlasts the consumer timeout of the broker', { timeout: 60_000 }, async () => {
  const server = await ownServer('consumer_timeout = 2000');
  // It looks for them once a minute otherwise.
  await evaluate(server, 'application:set_env(rabbit, channel_tick_interval, 500)');
  const { channel } = await operator(server.url);
  let isClosed = false;
  channel.on('close', () => (isClosed = true));
  await channel.assertQueue('idle', { durable: true, arguments: { 'x-queue-type': 'quorum' } });
  channel.sendToQueue('idle', Buffer.from('never acknowledged'));
  await channel.consume('idle', () => undefined);
  const lock = await (await open(server.url)).acquire('long', { ttl: '3s' });
  // That the broker keeps its timeout is what makes this a test.
  await until(() => isClosed);
  await delay(4000);
  expect(lock.held).toBe(true);
  expect(lock.signal.aborted).toBe(false);
  await lock.release();
});

test('a deleted queue: its holder knows at once, who waits holds with a greater token', async () => {
  const url = await sharedUrl();
  const [a, b, { channel }] = [await open(url), await open(url), await operator(url)];
  const name = randomUUID();
  const lost = await a.acquire(name);
  const waits = b.acquire(name);
  await delay(200);
  await channel.deleteQueue(queueOf('holdfast.', name));
  const next = await waits;
  await until(() => lost.signal.aborted, 1000);
  expect(next.fencingToken).toBeGreaterThan(lost.fencingToken);
  await lost.release();
  expect(next.held).toBe(true);
  await next.release();
});

test('a purged queue: the holder stays, and who waits gets the lock with a greater token', async () => {
  const url = await sharedUrl();
  const [a, b, { channel }] = [await open(url), await open(url), await operator(url)];
  const name = randomUUID();
  const lock = await a.acquire(name);
  const waits = b.acquire(name, { timeout: '20s' });
  await delay(200);
  await channel.purgeQueue(queueOf('holdfast.', name));
  expect(lock.held).toBe(true);
  await lock.release();
  const next = await waits;
  expect(next.fencingToken).toBeGreaterThan(lock.fencingToken);
  await next.release();
});

test('a queue that is purged while nobody holds begins anew, with a greater token', async () => {
  const url = await sharedUrl();
  const [locks, { channel }] = [await open(url), await operator(url)];
  const name = randomUUID();
  const before = await locks.acquire(name);
  await before.release();
  await channel.purgeQueue(queueOf('holdfast.', name));
  const after = await locks.acquire(name, { timeout: '20s' });
  expect(after.fencingToken).toBeGreaterThan(before.fencingToken);
  await after.release();
});

test('messages of others in the queue of a lock change nothing', async () => {
  const url = await sharedUrl();
  const [locks, { channel }] = [await open(url), await operator(url)];
  const name = randomUUID();
  const lock = await locks.acquire(name, { ttl: '3s' });
  for (let i = 0; i < 20; i += 1)
    channel.sendToQueue(queueOf('holdfast.', name), Buffer.from(`${2n ** 62n + BigInt(i)}`));
  await delay(200);
  await lock.renew();
  expect(lock.held).toBe(true);
  await lock.release();
  const next = await locks.acquire(name);
  expect(next.fencingToken).toBeGreaterThan(lock.fencingToken);
  expect(next.fencingToken).toBeLessThan(lock.fencingToken + 10n);
  await next.release();
});

test(
  'a queue is deleted when it was not used for a while, but not while somebody holds; the token grows nevertheless',
  { timeout: 60_000 },
  async () => {
    const url = await sharedUrl();
    const [locks, { connection }] = [await open(url, { expires: '10s' }), await operator(url)];
    const [held, left] = [randomUUID(), randomUUID()];
    const isThere = async (name: string): Promise<boolean> => {
      const channel = await connection.createChannel();
      channel.on('error', () => undefined);
      return await channel.checkQueue(queueOf('holdfast.', name)).then(
        () => true,
        () => false,
      );
    };
    const kept = await locks.acquire(held);
    const before = await locks.acquire(left);
    await before.release();
    await until(async () => !(await isThere(left)), 40_000);
    expect(await isThere(held)).toBe(true);
    expect(kept.held).toBe(true);
    const after = await locks.acquire(left);
    expect(after.fencingToken).toBeGreaterThan(before.fencingToken);
    await Promise.all([kept.release(), after.release()]);
  },
);

test('more locks than a connection may have channels take more connections', async () => {
  const { proxy, url } = await openProxy(await sharedUrl());
  const locks = await open(url, { channels: 3 });
  const held = await Promise.all(Array.from({ length: 8 }, () => locks.acquire(randomUUID())));
  expect(proxy.connections).toBe(3);
  await Promise.all(held.map((lock) => lock.release()));
  await (await locks.acquire(randomUUID())).release();
  expect(proxy.connections).toBe(3);
});

test('an error on the channel of one request costs no other lock', async () => {
  const url = await sharedUrl();
  const [locks, { channel }] = [await open(url), await operator(url)];
  const kept = await locks.acquire(randomUUID());
  const name = randomUUID();
  await (await locks.acquire(name)).release();
  // It is taken for known, so the consumer meets a queue that is gone (404).
  await channel.deleteQueue(queueOf('holdfast.', name));
  await (await locks.acquire(name)).release();
  expect(kept.held).toBe(true);
  await kept.release();
});

test('the connection that was given is used and never closed; its heartbeat decides', async () => {
  const url = await sharedUrl();
  const connection = await connect(`${url}?heartbeat=4`);
  onTestFinished(() => connection.close());
  const locks = await createLocks(rabbitmq({ connection }));
  expect(locks.capabilities.ttl).toEqual({ minMs: 1000, granularityMs: 11_000 });
  const lock = await locks.acquire(randomUUID(), { ttl: '30s' });
  expect(lock.remainingMs).toBeLessThan(8000);
  await lock.release();
  await locks.close();
  await (await connection.createChannel()).close();
});

test('a connection without heartbeats, or that recovers by itself, is refused', async () => {
  const url = await sharedUrl();
  const deaf = await connect(`${url}?heartbeat=0`);
  const recovering = await connect(url, { recovery: true });
  onTestFinished(async () => void (await Promise.all([deaf.close(), recovering.close()])));
  expect(() => rabbitmq({ connection: deaf })).toThrow(/heartbeat/);
  expect(() => rabbitmq({ connection: recovering as unknown as typeof deaf })).toThrow(/recovery/);
});

test(
  'a broker that is killed and comes back: its holder knows at once, and tokens grow',
  { timeout: 60_000 },
  async () => {
    const server = await ownServer();
    const locks = await open(server.url, { patience: '30s' });
    const lock = await locks.acquire('survivor');
    // A quorum queue that was declared a moment before is not safe from that.
    await delay(2000);
    await server.kill();
    await until(() => lock.signal.aborted, 1000);
    const [next] = await Promise.all([locks.acquire('survivor'), server.restart()]);
    expect(next.fencingToken).toBeGreaterThan(lock.fencingToken);
    await next.release();
  },
);
