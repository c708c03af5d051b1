import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { createLocks } from '@holdfast/core';
import { redis } from '@holdfast/redis';
import type { RedisClient } from '@holdfast/redis';
import { expect, onTestFinished, test } from 'vitest';
import { open, ownServer, pending, until } from './traffic.ts';

/** Leads to one port at first and to another one later, as a name does that follows a primary. */
async function signpost(first: number): Promise<{ port: number; turn: (to: number) => void }> {
  let target = first;
  const server = createServer((socket) => {
    const onward = connect(target, '127.0.0.1');
    socket.pipe(onward).pipe(socket);
    for (const end of [socket, onward]) end.on('error', () => end.destroy());
    socket.on('close', () => onward.destroy());
    onward.on('close', () => socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return { port: (server.address() as AddressInfo).port, turn: (to) => void (target = to) };
}

test('nobody enters a queue whose messages come from another server than it subscribed to', async () => {
  const [scripts, elsewhere] = [await ownServer(), await ownServer()];
  const way = await signpost(elsewhere.port);
  const client = new Redis(scripts.url);
  const own = Object.assign(client, {
    duplicate: (override: object) => new Redis({ host: '127.0.0.1', port: way.port, ...override }),
  });
  const locks = await createLocks(redis({ client: own as unknown as RedisClient }));
  onTestFinished(async () => {
    await locks.close();
    client.disconnect();
  });
  const other = await open(scripts.url);
  const held = await other.acquire('name');
  const wait = locks.acquire('name', { ttl: '60s' });
  wait.catch(() => undefined);
  await delay(300);
  expect(await pending(other, 'name')).toBe(0);
  way.turn(scripts.port);
  await until(async () => (await pending(other, 'name')) === 1);
  await held.release();
  await (await wait).release();
});

test('who never gets its messages from there is told so', async () => {
  const [scripts, elsewhere] = [await ownServer(), await ownServer()];
  const client = new Redis(scripts.url);
  const own = Object.assign(client, { duplicate: (override: object) => new Redis(elsewhere.url, override) });
  const locks = await createLocks(redis({ client: own as unknown as RedisClient }));
  onTestFinished(async () => {
    await locks.close();
    client.disconnect();
  });
  const held = await (await open(scripts.url)).acquire('name');
  await expect(locks.acquire('name')).rejects.toMatchObject({ code: 'BACKEND_UNAVAILABLE' });
  await expect(locks.acquire('name')).rejects.toThrow('not where the scripts run');
  await held.release();
  await (await locks.acquire('name')).release();
});
