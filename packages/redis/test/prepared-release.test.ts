import { setTimeout as delay } from 'node:timers/promises';
import { Locks } from '@holdfast/core';
import type { Lock } from '@holdfast/core';
import { FaultProxy } from '@holdfast/core/conformance';
import { redis } from '@holdfast/redis';
import type { RedisGrant } from '@holdfast/redis';
import { expect, onTestFinished, test } from 'vitest';
import { onlooker, open, ownServer, pending, until } from './traffic.ts';

/** What to send is made in the turn after a grant that came by message, for one use. */
const PREPARED_MS = 50;

async function handedOver(from: Locks, to: Locks, name: string): Promise<Lock> {
  const lock = await from.acquire(name);
  const next = to.acquire(name);
  await until(async () => (await pending(from, name)) === 1);
  await lock.release();
  const granted = await next;
  await delay(PREPARED_MS);
  return granted;
}

test('a second release asks the server anew', async () => {
  const { url } = await ownServer();
  const backend = redis({ url });
  const grants: RedisGrant[] = [];
  const { release } = backend;
  backend.release = (grant) => {
    grants.push(grant);
    return release.call(backend, grant);
  };
  const waiting = new Locks(backend);
  onTestFinished(() => waiting.close());
  const lock = await handedOver(await open(url), waiting, 'twice');
  await lock.release();
  expect(await backend.release(grants[0] as RedisGrant)).toBe('not-held');
});

test('one whose connection breaks is sent again', async () => {
  const server = await ownServer();
  const proxy = await FaultProxy.start({ host: '127.0.0.1', port: server.port });
  onTestFinished(() => proxy.close());
  const [holder, waiting] = [await open(server.url), await open(`redis://127.0.0.1:${proxy.address.port}`)];
  const lock = await handedOver(holder, waiting, 'broken');
  proxy.blackhole();
  const released = lock.release();
  await delay(PREPARED_MS);
  proxy.cut();
  await proxy.restore();
  await released;
  expect(await holder.query('broken')).toEqual({ held: [], pending: [] });
});

test('a server that has forgotten the script gets it again', async () => {
  const { url } = await ownServer();
  const [holder, waiting] = [await open(url), await open(url)];
  const lock = await handedOver(holder, waiting, 'forgotten');
  await onlooker(url).script('FLUSH');
  await lock.release();
  expect(await holder.query('forgotten')).toEqual({ held: [], pending: [] });
});
