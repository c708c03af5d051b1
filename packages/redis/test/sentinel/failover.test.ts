import { setTimeout as delay } from 'node:timers/promises';
import { FaultProxy } from '@holdfast/core/conformance';
import { createLocks } from '@holdfast/core';
import type { Lock, Locks } from '@holdfast/core';
import { redis } from '@holdfast/redis';
import type { RedisOptions } from '@holdfast/redis';
import { startRedisSentinel } from '@holdfast/testbed';
import type { RedisSentinel, RedisSentinelOptions, RunningServer } from '@holdfast/testbed';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Sentinel } from '../../src/sentinel/sentinel.ts';
import { onlooker, pending, until } from '../traffic.ts';

/** What a failover may take, in ms. */
const FAILOVER_MS = 30_000;

async function own(options?: RedisSentinelOptions): Promise<RedisSentinel> {
  const set = await startRedisSentinel(options);
  onTestFinished(() => set[Symbol.asyncDispose]());
  return set;
}

/** Patient enough for a failover. */
async function open(url: string | undefined, options: RedisOptions = {}): Promise<Locks> {
  const locks = await createLocks(redis({ ...(url === undefined ? {} : { url }), timeout: FAILOVER_MS, ...options }));
  onTestFinished(() => locks.close());
  return locks;
}

async function masterOf(set: RedisSentinel): Promise<RunningServer> {
  const master = await set.master();
  return master ?? expect.unreachable('there is no master');
}

async function untilReplaced(set: RedisSentinel, old: RunningServer): Promise<void> {
  await until(async () => ![undefined, old].includes(await set.master()), FAILOVER_MS);
}

const faults: Record<string, (set: RedisSentinel, master: RunningServer) => Promise<void>> = {
  'is killed': (_, master) => master.kill(),
  'is frozen': (_, master) => master.pause(),
  'is sent away': (set) => set.failover(),
};

describe('failover while locks are held and waited for', () => {
  test.each(Object.keys(faults))(
    'the master %s: who holds goes on, who waits is served by the next one, and tokens grow',
    async (fault) => {
      const set = await own({ password: 'pass word' });
      const [holder, first, second] = [await open(set.url), await open(set.url), await open(set.url)];
      const held = await holder.acquire('passed on', { ttl: '60s' });
      const kept = await holder.acquire('kept', { ttl: '60s', mode: 'shared' });
      const granted: Lock[] = [];
      const waits = [first, second].map(async (locks) => {
        const lock = await locks.acquire('passed on', { ttl: '60s' });
        granted.push(lock);
        await lock.release();
      });
      await until(async () => (await pending(holder, 'passed on')) === 2);
      const master = await masterOf(set);
      await faults[fault]?.(set, master);
      await untilReplaced(set, master);
      const meanwhile = await second.acquire('meanwhile');
      expect(meanwhile.fencingToken).toBeGreaterThan(held.fencingToken);
      // Replication lags by less than the failover took: the new master knows them.
      await kept.renew();
      await held.renew();
      expect([held.held, kept.held]).toEqual([true, true]);
      await held.release();
      await Promise.all(waits);
      const tokens = [held, ...granted].map(({ fencingToken }) => fencingToken);
      expect(tokens).toEqual(tokens.toSorted((a, b) => (a < b ? -1 : 1)));
      expect(new Set(tokens).size).toBe(3);
      await kept.release();
      await meanwhile.release();
      expect(await first.query()).toEqual({ held: [], pending: [] });
    },
    120_000,
  );
});

test('sentinels say a new epoch with one address alone, also the one that promotes a replica', async () => {
  const set = await own();
  const [, hosts = '', name = ''] = /\/\/([^/]+)\/(.+)$/.exec(set.url) ?? [];
  const sentinels = hosts.split(',').map((address) => {
    const [host = '', port] = address.split(':');
    return new Sentinel({ host, port: Number(port) }, {}, FAILOVER_MS);
  });
  const said = new Map<number, Set<number>>();
  const master = await masterOf(set);
  await master.pause();
  await until(async () => {
    const claims = await Promise.all(sentinels.map((sentinel) => sentinel.ask(name)));
    for (const { epoch, address } of claims) said.set(epoch, (said.get(epoch) ?? new Set()).add(address.port));
    return claims.every(({ epoch, fields, address }) => epoch > 0 && fields.get('port') === String(address.port));
  }, FAILOVER_MS);
  // The address is asked for after the epoch: a sentinel that changes its mind in between says the old one with the new address, which is right.
  const [, ...later] = [...said].toSorted(([one], [other]) => one - other);
  expect(later).not.toHaveLength(0);
  for (const [, ports] of later) expect(ports.size).toBe(1);
});

test('a holder that the new master does not know of is told at once', async () => {
  const set = await own();
  const locks = await open(set.url);
  await locks.acquire('warm');
  const master = await masterOf(set);
  const replicas = set.members.filter((member) => member !== master);
  // They get nothing of what the master grants from now on, not even late.
  await Promise.all(replicas.map((replica) => replica.pause()));
  await onlooker(master.url).client('KILL', 'TYPE', 'REPLICA');
  const forgotten = await locks.acquire('forgotten', { ttl: '60s' });
  await master.kill();
  await Promise.all(replicas.map((replica) => replica.resume()));
  await until(() => forgotten.signal.aborted, FAILOVER_MS);
  expect((forgotten.signal.reason as { code: string }).code).toBe('LOCK_LOST');
  const next = await locks.acquire('forgotten');
  expect(next.fencingToken).toBeGreaterThan(forgotten.fencingToken);
}, 120_000);

/**
 * A master that wakes up after the failover, before any sentinel has told it, and a client that has not heard of it either: none of its sentinels
 * reach it. `others`: a client of the new master.
 */
async function demoted(
  replicas: number,
): Promise<{ set: RedisSentinel; stale: Locks; others: Locks; heal: () => Promise<void> }> {
  const set = await own();
  const proxies = await Promise.all(set.sentinels.map(({ port }) => FaultProxy.start({ host: '127.0.0.1', port })));
  onTestFinished(async () => void (await Promise.all(proxies.map((proxy) => proxy.close()))));
  const sentinels = proxies.map(({ address }) => address);
  const stale = await open(undefined, { sentinels, name: 'mymaster', replicas, timeout: 2000 });
  const others = await open(set.url, { replicas });
  await (await stale.acquire('warm')).release();
  const master = await masterOf(set);
  for (const proxy of proxies) proxy.blackhole('both');
  await master.pause();
  // Its command waits in the socket of a master that is no longer one when it reads it.
  const early = stale.acquire('early', { timeout: FAILOVER_MS });
  early.then(
    (lock) => lock.release(),
    () => undefined,
  );
  await untilReplaced(set, master);
  await others.acquire('contended', { ttl: '60s' });
  await Promise.all(set.sentinels.map((sentinel) => sentinel.pause()));
  await master.resume();
  const heal = async (): Promise<void> => {
    await Promise.all(set.sentinels.map((sentinel) => sentinel.resume()));
    await Promise.all(proxies.map((proxy) => proxy.restore()));
  };
  return { set, stale, others, heal };
}

describe('a demoted master that does not know it, and a client that does not either', () => {
  test('without `replicas` two hold for a while; the one at the old master is told as soon as it hears of the new one', async () => {
    const { stale, heal } = await demoted(0);
    const lock = await stale.acquire('contended', { ttl: '60s' });
    expect(lock.held).toBe(true);
    await heal();
    await until(() => lock.signal.aborted, FAILOVER_MS);
  }, 120_000);

  test('with `replicas` nothing that it grants counts, and the client gets the lock in its turn at the new master', async () => {
    const { stale, others, heal } = await demoted(1);
    const error = await stale.acquire('contended').then(
      () => expect.unreachable('it was granted'),
      (failure: Error & { code: string }) => failure,
    );
    expect(error.code).toBe('BACKEND_UNAVAILABLE');
    expect(error.message).toMatch(/0 of the 1 replicas|did not answer/);
    await heal();
    await expect
      .poll(
        () =>
          stale.tryAcquire('another').then(
            (lock) => lock?.held,
            () => false,
          ),
        { timeout: FAILOVER_MS },
      )
      .toBe(true);
    expect(await stale.tryAcquire('contended')).toBeNull();
    const wait = stale.acquire('contended');
    await until(async () => (await pending(others, 'contended')) === 1);
    await others.close();
    await (await wait).release();
  }, 120_000);
});

describe('`replicas`', () => {
  test('what is granted, handed over or renewed is at all of them', async () => {
    const set = await own({ downAfterMs: 30_000 });
    const [locks, other] = [await open(set.url, { replicas: 2 }), await open(set.url, { replicas: 2 })];
    const lock = await locks.acquire('everywhere');
    const wait = other.acquire('everywhere');
    await until(async () => (await pending(locks, 'everywhere')) === 1);
    await lock.release();
    const next = await wait;
    const readers = await Promise.all([1, 2].map(() => other.acquire('read', { mode: 'shared' })));
    const replicas = set.members.slice(1);
    // Cut off from the master, they have what they had at that moment.
    await set.members[0]?.kill();
    for (const { url } of replicas) {
      const copy = await createLocks(redis({ url }));
      const { held } = await copy.query();
      await copy.close();
      expect(held.map(({ fencingToken }) => fencingToken).toSorted()).toEqual(
        [next, ...readers].map(({ fencingToken }) => fencingToken).toSorted(),
      );
    }
  }, 60_000);

  test('while one of them is missing nothing is granted and nothing is left behind; afterwards all goes on', async () => {
    const set = await own({ downAfterMs: 30_000 });
    const locks = await open(set.url, { replicas: 2, timeout: 2000 });
    const lock = await locks.acquire('renewed', { ttl: 3000 });
    await set.members[1]?.pause();
    await expect(locks.acquire('new')).rejects.toMatchObject({ code: 'BACKEND_UNAVAILABLE' });
    await expect(locks.tryAcquire('at once')).rejects.toThrow('1 of the 2 replicas');
    // A renewal that does not count: it is lost by its deadline, though the master answers.
    await until(() => lock.signal.aborted, 5000);
    await set.members[1]?.resume();
    await until(async () => (await locks.query()).held.length === 0);
    await (await locks.acquire('new', { timeout: 5000 })).release();
    await (await locks.acquire('renewed', { timeout: 5000 })).release();
  }, 60_000);

  test("a waiter whose grant can't be confirmed gets it when it can", async () => {
    const set = await own({ downAfterMs: 30_000 });
    const [locks, other] = [await open(set.url), await open(set.url, { replicas: 2, timeout: 2000 })];
    const lock = await locks.acquire('passed on');
    let got: Lock | undefined;
    const wait = other.acquire('passed on').then((next) => (got = next));
    await until(async () => (await pending(locks, 'passed on')) === 1);
    await set.members[1]?.pause();
    await lock.release();
    await delay(1500);
    expect(got).toBeUndefined();
    await set.members[1]?.resume();
    await (await wait).release();
  }, 60_000);
});

test("tokens go on after a master whose clock was an hour ahead of the next one's", async () => {
  const set = await own();
  // Until the old master is a replica again the new one has fewer.
  const [locks, later] = [await open(set.url, { replicas: 2 }), await open(set.url)];
  const master = await masterOf(set);
  const ahead = BigInt(Date.now() + 3_600_000) * 1000n;
  await onlooker(master.url).set('holdfast:{late}:token', ahead.toString(), 'EX', 3600);
  const before = await locks.acquire('late');
  expect(before.fencingToken).toBeGreaterThan(ahead);
  await before.release();
  await set.failover();
  const after = await later.acquire('late', { timeout: FAILOVER_MS });
  expect(after.fencingToken).toBeGreaterThan(before.fencingToken);
}, 120_000);

describe('doctor', () => {
  test('names the master, the sentinels that are silent, and what min-replicas-to-write would narrow', async () => {
    const set = await own();
    const told = async (locks: Locks): Promise<string> =>
      (await locks.diagnose()).findings.map(({ level, message }) => `${level} ${message}`).join('\n');
    const locks = await open(set.url);
    const all = await told(locks);
    expect(all).toContain('ok 3 of 3 sentinels answer');
    expect(all).toContain(`ok the sentinels say that the master is ${new URL(set.members[0]?.url ?? '').host}`);
    expect(all).toContain('warning 2 replicas, and min-replicas-to-write is 0');
    await set.sentinels[0]?.kill();
    expect(await told(locks)).toContain('warning 2 of 3 sentinels answer; Redis at the sentinel');
    expect(await told(await open(set.url, { replicas: 2 }))).toContain('ok 2 replicas; a grant counts once 2 have it');
    expect(await told(await open(set.url, { replicas: 3 }))).toContain('error a grant counts once 3 replicas have it');
    const [one] = set.sentinels.slice(1).map(({ url }) => new URL(url).host);
    const alone = await open(undefined, { sentinels: [one ?? ''], name: 'mymaster' });
    expect(await told(alone)).toContain('warning 3 sentinels watch this master, and only 1 of them are named');
    const wrong = await open(undefined, { sentinels: [one ?? ''], name: 'another' });
    await expect(wrong.acquire('name')).rejects.toThrow('knows no such master');
  }, 60_000);
});
