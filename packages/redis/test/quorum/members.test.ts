import { randomUUID } from 'node:crypto';
import { createLocks } from '@holdfast/core';
import type { Locks } from '@holdfast/core';
import { FaultProxy } from '@holdfast/core/conformance';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { redis } from '@holdfast/redis';
import type { RunningServer } from '@holdfast/testbed';
import { expect, onTestFinished, test } from 'vitest';
import { ownServers, portsUrl, quorumUrl } from './servers.ts';

const NAME = 'invoice:42';

async function open(urls: readonly string[], query?: string): Promise<Locks> {
  const locks = await createLocks(quorumUrl(urls, query));
  onTestFinished(() => locks.close());
  return locks;
}

const urlsOf = (servers: readonly RunningServer[]): string[] => servers.map(({ url }) => url);

/** Makes all members vote: they have been known for as long as it takes. */
async function grownUp(locks: Locks): Promise<void> {
  for (;;) {
    const lock = await locks
      .tryAcquire('grown up', { ttl: 1000 })
      .catch((error: { code?: unknown; message: string }) => {
        expect(error.code).toBe('BACKEND_UNAVAILABLE');
        expect(error.message).toMatch(/may not vote for another \d+ ms/);
        return null;
      });
    await lock?.release();
    if (lock !== null) return;
    await delay(50);
  }
}

test('with two of five servers killed locks are granted, kept and released', async () => {
  const servers = await ownServers();
  const [locks, other] = [await open(urlsOf(servers)), await open(urlsOf(servers))];
  const lock = await locks.acquire(NAME, { ttl: 2500 });
  await Promise.all(servers.slice(0, 2).map((server) => server.kill()));
  await delay(4000);
  expect(lock.held).toBe(true);
  expect(await other.tryAcquire(NAME)).toBeNull();
  await lock.release();
  const next = await other.acquire(NAME);
  expect(next.fencingToken > lock.fencingToken).toBe(true);
  await next.release();
});

test('a lock is granted, renewed and released before a slow member has answered anything', async () => {
  const servers = await ownServers();
  const [first, ...rest] = servers;
  const proxy = await FaultProxy.start({ host: '127.0.0.1', port: (first as RunningServer).port });
  onTestFinished(() => proxy.close());
  const locks = await createLocks(portsUrl([proxy.address.port, ...rest.map(({ port }) => port)]));
  const client = new Redis(servers[0]?.url ?? '');
  onTestFinished(() => client.disconnect());
  // Connected, and nothing under way.
  const warm = await locks.acquire('warm');
  while ((await client.exists('holdfast:{warm}')) === 0) await delay(5);
  await warm.release();
  while ((await client.exists('holdfast:{warm}')) === 1) await delay(5);
  // Its requests arrive; its answers do not, until the network is good again.
  proxy.blackhole('answers');
  const lock = await locks.acquire(NAME);
  await lock.renew();
  // It has granted, which nobody knows.
  while ((await client.exists(`holdfast:{${NAME}}`)) === 0) await delay(5);
  await lock.release();
  await (await locks.acquire('another')).release();
  await proxy.restore();
  // The late grant is given back: nothing is left.
  while ((await client.exists(`holdfast:{${NAME}}`)) === 1) await delay(5);
  await locks.close();
});

test('a server that is new or was restarted without its data may not vote until its quarantine is over', async () => {
  const servers = await ownServers(3);
  const [holder, other] = [await open(urlsOf(servers), 'quarantine=3s'), await open(urlsOf(servers), 'quarantine=3s')];
  await expect(holder.acquire(NAME, { ttl: 1000 })).rejects.toMatchObject({
    code: 'BACKEND_UNAVAILABLE',
    message: expect.stringMatching(/is new to this quorum, and may not vote for another \d+ ms/),
  });
  await grownUp(holder);
  // One member is away while two grant; then one of these forgets its vote.
  const [a, b] = servers as [RunningServer, RunningServer];
  await a.kill();
  const lock = await holder.acquire(NAME, { ttl: 3000, renew: false });
  await a.restart();
  await b.restart({ empty: true });
  // a has not granted, and b does not know any more that it has: without the quarantine they were a majority for another.
  const next = await (async () => {
    for (;;) {
      const got = await other.tryAcquire(NAME, { ttl: 3000 }).catch((error: { code?: unknown }) => {
        expect(error.code).toBe('BACKEND_UNAVAILABLE');
        return null;
      });
      if (got !== null) return got;
      await delay(20);
    }
  })();
  expect(lock.held).toBe(false);
  expect(next.fencingToken > lock.fencingToken).toBe(true);
  await next.release();
});

test('a server whose database was emptied may not vote until its quarantine is over', async () => {
  const servers = await ownServers(3);
  const locks = await open(urlsOf(servers), 'quarantine=1500');
  await grownUp(locks);
  const clients = servers.slice(0, 2).map(({ url }) => new Redis(url));
  for (const client of clients) await client.flushall();
  await expect(locks.tryAcquire(NAME, { ttl: 1000 })).rejects.toMatchObject({ code: 'BACKEND_UNAVAILABLE' });
  await grownUp(locks);
  for (const client of clients) client.disconnect();
});

test('a ttl longer than the quarantine is refused', async () => {
  const locks = await open(['redis://a', 'redis://b', 'redis://c'], 'quarantine=5s');
  await expect(locks.acquire(NAME, { ttl: 5001 })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
});

test('members agree on a token, though their clocks and counts differ', async () => {
  const servers = await ownServers(3);
  const locks = await open(urlsOf(servers));
  const clients = servers.map(({ url }) => new Redis(url));
  // Their last tokens are hours apart.
  const now = Date.now() * 1000;
  const hour = 3_600_000_000;
  for (const [i, client] of clients.entries()) await client.set(`holdfast:{${NAME}}:token`, `${now + (3 - i) * hour}`);
  let last = 0n;
  for (const down of [2, 0, 1, 0, 2, 1]) {
    await servers[down]?.pause();
    const lock = await locks.acquire(NAME);
    expect(lock.fencingToken > last).toBe(true);
    last = lock.fencingToken;
    await lock.release();
    await servers[down]?.resume();
  }
  for (const client of clients) client.disconnect();
});

test('who holds a vote keeps the token of its name; who does not can raise nothing', async () => {
  const servers = await ownServers(3);
  const locks = await open(urlsOf(servers));
  const lock = await locks.acquire(NAME);
  const clients = servers.map(({ url }) => new Redis(url));
  const known = await Promise.all(
    clients.map(async (client) => BigInt((await client.get(`holdfast:{${NAME}}:token`)) ?? 0)),
  );
  expect(known.filter((token) => token >= lock.fencingToken).length).toBeGreaterThanOrEqual(2);
  await lock.release();
  for (const client of clients) client.disconnect();
});

test('a vote grants with the token that was proposed, unless it is not the greatest, or far ahead of the clock', async () => {
  const [server] = await ownServers(1);
  const backend = redis({ url: server?.url, quarantine: 0 });
  onTestFinished(() => backend.close());
  const ask = async (proposal: bigint): Promise<bigint> => {
    const grant = await backend.acquire({ ...request, owner: randomUUID(), vote: { proposal } });
    if (grant === null) throw new Error('It is not free');
    await backend.release(grant);
    return grant.fencingToken;
  };
  const micros = (aheadMs: number): bigint => BigInt(Date.now() + aheadMs) * 1000n;
  const near = micros(500);
  const first = await ask(near);
  // Equal, unless it took half a second to get there.
  expect(first >= near).toBe(true);
  const second = await ask(near);
  expect(second > first).toBe(true);
  const third = await ask(micros(3_600_000));
  expect(third > second && third < micros(1_800_000)).toBe(true);
  const fourth = await ask(0n);
  expect(fourth > third).toBe(true);
});

test('a server that may soon forget what it promised takes no token that its clock would not have passed by then', async () => {
  const [server] = await ownServers(1);
  const backend = redis({ url: server?.url, quarantine: 400 });
  onTestFinished(() => backend.close());
  const vote = { proposal: BigInt(Date.now() + 3_600_000) * 1000n };
  await expect(backend.acquire({ ...request, ttlMs: 400, owner: randomUUID(), vote })).rejects.toThrow('may not vote');
  await delay(500);
  // 0.9 s ahead: less than the second that others may propose, and more than this one's quarantine.
  const proposal = BigInt(Date.now() + 900) * 1000n;
  const grant = await backend.acquire({ ...request, ttlMs: 400, owner: randomUUID(), vote: { proposal } });
  expect(grant?.fencingToken).toBeLessThan(proposal);
});

const request = {
  name: NAME,
  mode: 'exclusive',
  ttlMs: 1000,
  wait: false,
  steal: false,
  renew: false,
  signal: new AbortController().signal,
  aborted: false,
  client: { id: 'test', host: 'test', pid: 1 },
  onContended: () => undefined,
} as const;
