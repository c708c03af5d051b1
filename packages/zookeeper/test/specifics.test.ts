import { setTimeout as delay } from 'node:timers/promises';
import { createLocks } from '@holdfast/core';
import type { Lock } from '@holdfast/core';
import { expect, onTestFinished, test } from 'vitest';
import { onlooker, open, ownServer, pending, proxyFor, tapped, until } from './scene.ts';

/** Resolves with the reason once the signal has aborted. */
const aborted = (signal: AbortSignal): Promise<unknown> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve(signal.reason);
    else signal.addEventListener('abort', () => resolve(signal.reason), { once: true });
  });

test("a session that ends behind the holder's back: its signal aborts, and its release frees nothing of the next", async () => {
  const server = await ownServer();
  const tap = await tapped(server);
  const [victim, other] = [await open(tap.url), await open(server.url)];
  const lock = await victim.acquire('n', { ttl: '20s' });
  const next = other.acquire('n');
  await until(async () => (await pending(other, 'n')) === 1);
  const [session] = tap.sessions;
  if (session === undefined) throw new Error('No session went by');
  await tap.end(session);
  expect(await aborted(lock.signal)).toMatchObject({ code: 'LOCK_LOST' });
  const successor = await next;
  expect(successor.fencingToken).toBeGreaterThan(lock.fencingToken);
  await lock.release();
  expect(successor.held).toBe(true);
  expect((await other.query('n')).held).toHaveLength(1);
});

test("a session that ends behind a waiter's back: it enters again, and holds only in its turn", async () => {
  const server = await ownServer();
  const tap = await tapped(server);
  const [holder, victim, behind] = [await open(server.url), await open(tap.url), await open(server.url)];
  const lock = await holder.acquire('n');
  let isGranted = false;
  const waiting = victim.acquire('n', { ttl: '20s' }).then((granted) => {
    isGranted = true;
    return granted;
  });
  await until(async () => (await pending(holder, 'n')) === 1);
  const second = behind.acquire('n');
  await until(async () => (await pending(holder, 'n')) === 2);
  const [session] = tap.sessions;
  if (session === undefined) throw new Error('No session went by');
  await tap.end(session);
  await until(async () => tap.sessions.length === 2 && (await pending(holder, 'n')) === 2);
  await lock.release();
  const next = await second;
  expect(isGranted).toBe(false);
  await next.release();
  const last = await waiting;
  expect(last.fencingToken).toBeGreaterThan(next.fencingToken);
  expect(last.held).toBe(true);
});

test('connections cut between creates and their answers: no orphan node, no double hold', async () => {
  const server = await ownServer();
  const { proxy, url } = await proxyFor(server);
  const [shaky, steady, watcher] = [await open(url), await open(server.url), await onlooker(server.url)];
  await (await shaky.acquire('n', { ttl: '10s' })).release();
  let holders = 0;
  const hold = async (locks: typeof shaky): Promise<bigint> => {
    const lock = await locks.acquire('n', { ttl: '10s', timeout: '20s' });
    holders += 1;
    expect(holders).toBe(1);
    await delay(2);
    holders -= 1;
    await lock.release();
    return lock.fencingToken;
  };
  for (let round = 0; round < 20; round += 1) {
    const before = await steady.acquire('n', { ttl: '10s' });
    proxy.blackhole('answers');
    const held = hold(shaky);
    // The create arrives; nobody hears of it.
    await until(async () => (await watcher.nodes('n')).length === 2);
    await before.release();
    const other = hold(steady);
    proxy.cut();
    await proxy.restore();
    const [first, second] = await Promise.all([held, other]);
    expect(second).toBeGreaterThan(first);
    expect(await watcher.nodes('n')).toEqual([]);
  }
});

test('a request that is given up between its create and the answer leaves no node', async () => {
  const server = await ownServer();
  const { proxy, url } = await proxyFor(server);
  const [shaky, steady, watcher] = [await open(url), await open(server.url), await onlooker(server.url)];
  await (await shaky.acquire('n', { ttl: '30s' })).release();
  const lock = await steady.acquire('n');
  proxy.blackhole('answers');
  const controller = new AbortController();
  const given = shaky.acquire('n', { ttl: '30s', signal: controller.signal });
  await until(async () => (await watcher.nodes('n')).length === 2);
  controller.abort(new Error('given up'));
  await expect(given).rejects.toThrow('given up');
  proxy.cut();
  await proxy.restore();
  await until(async () => (await watcher.nodes('n')).length === 1);
  expect(lock.held).toBe(true);
});

test('a frozen server: the holder knows of its loss before the server could end the session', async () => {
  const server = await ownServer();
  const [holder, waiter] = [await open(server.url), await open(server.url)];
  const lock = await holder.acquire('n', { ttl: 2000 });
  const next = waiter.acquire('n', { ttl: 2000, timeout: '20s' });
  await until(async () => (await pending(waiter, 'n')) === 1);
  await lock.renew();
  const provedAt = performance.now();
  await server.pause();
  await aborted(lock.signal);
  expect(performance.now() - provedAt).toBeLessThan(2000);
  await delay(1000);
  await server.resume();
  expect((await next).fencingToken).toBeGreaterThan(lock.fencingToken);
});

test('a restarted server: who holds goes on holding, who waits goes on waiting', async () => {
  const server = await ownServer();
  const [holder, waiter] = [await open(server.url), await open(server.url)];
  const lock = await holder.acquire('n', { ttl: '30s' });
  const next = waiter.acquire('n', { ttl: '30s' });
  await until(async () => (await pending(waiter, 'n')) === 1);
  await server.restart();
  await lock.renew();
  expect(lock.held).toBe(true);
  await lock.release();
  expect((await next).fencingToken).toBeGreaterThan(lock.fencingToken);
});

test('a server that is down for longer than the ttl: signals abort, waits go on once it is back', async () => {
  const server = await ownServer();
  const [holder, waiter] = [await open(server.url), await open(server.url)];
  const lock = await holder.acquire('n', { ttl: 1000 });
  const next = waiter.acquire('n', { ttl: 1000, timeout: '25s' });
  await until(async () => (await pending(waiter, 'n')) === 1);
  await server.kill();
  expect(await aborted(lock.signal)).toMatchObject({ code: 'LOCK_LOST' });
  await server.restart();
  const granted = await next;
  expect(granted.held).toBe(true);
  expect(granted.fencingToken).toBeGreaterThan(lock.fencingToken);
});

test('theft after theft: tokens grow in the order of the grants, also for those who waited all along', async () => {
  const server = await ownServer();
  const [thief, other] = [await open(server.url), await open(server.url)];
  const first = await thief.acquire('n');
  const waits: Promise<Lock>[] = [];
  for (let i = 0; i < 4; i += 1) {
    waits.push(other.acquire('n'));
    await until(async () => (await pending(thief, 'n')) === i + 1);
  }
  const tokens = [first.fencingToken];
  for (const [i, wait] of waits.entries()) {
    const stolen = await thief.acquire('n', { steal: true });
    const again = await other.acquire('n', { steal: true });
    expect(await aborted(stolen.signal)).toMatchObject({ code: 'LOCK_LOST', reason: 'stolen' });
    const { held, pending: line } = await thief.query('n');
    expect(held.map(({ fencingToken }) => fencingToken)).toEqual([again.fencingToken]);
    // Those who wait stay in line.
    expect(line).toHaveLength(4 - i);
    await again.release();
    const granted = await wait;
    tokens.push(stolen.fencingToken, again.fencingToken, granted.fencingToken);
  }
  const last = thief.acquire('n');
  await until(async () => (await pending(thief, 'n')) === 1);
  await (await waits[3])?.release();
  tokens.push((await last).fencingToken);
  expect(tokens).toEqual(tokens.toSorted((x, y) => (x < y ? -1 : 1)));
  expect(new Set(tokens).size).toBe(tokens.length);
});

test('nodes that were made with credentials are closed to others, and no error shows a password', async () => {
  const server = await ownServer();
  const url = (credentials: string): string => server.url.replace('//', `//${credentials}`).replace('?', '/secured?');
  const [alice, again, mallory] = await Promise.all([
    open(url('alice:wonder%3Aland@')),
    open(url('alice:wonder%3Aland@')),
    open(url('mallory:hunter2@')),
  ]);
  const lock = await alice.acquire('n');
  expect(await again.tryAcquire('n')).toBeNull();
  const error = await mallory.acquire('n', { timeout: '10s' }).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: 'BACKEND_UNAVAILABLE' });
  expect(String(error)).toMatch(/NOAUTH for \/secured\/holdfast\/n.*no permission/);
  expect(String(error)).not.toContain('hunter2');
  await lock.release();
  const anonymous = await open(url(''));
  await expect(anonymous.acquire('m')).rejects.toMatchObject({ code: 'BACKEND_UNAVAILABLE' });
});

test('a container that the server has removed because it was empty is made again', async () => {
  const server = await ownServer();
  const [locks, watcher] = [await open(server.url), await onlooker(server.url)];
  const first = await locks.acquire('n');
  await first.release();
  // The testbed's server looks for empty ones every second.
  await until(async () => !(await watcher.hasContainer('n')));
  const second = await locks.acquire('n');
  expect(second.fencingToken).toBeGreaterThan(first.fencingToken);
  await second.release();
});

test('a lock that nobody renews: longer than the servers allow is refused, and a wait does not use it up', async () => {
  const server = await ownServer();
  const locks = await open(server.url);
  await expect(locks.acquire('n', { renew: false, ttl: '300s' })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  const lock = await locks.acquire('n');
  const next = locks.acquire('n', { renew: false, ttl: 1500 });
  await delay(3000);
  await lock.release();
  const granted = await next;
  expect(granted.remainingMs).toBeGreaterThan(1000);
  await aborted(granted.signal);
  await (await locks.acquire('n', { timeout: 5000 })).release();
});

test('servers with a longer tick than was said are reported, not silently waited for', async () => {
  const server = await ownServer();
  const locks = await open(server.url.replace('tickTime=250', 'tickTime=100'));
  await expect(locks.acquire('n', { ttl: 300 })).rejects.toMatchObject({ code: 'CONFIG' });
});

test('several hosts: one that refuses and one that is silent are passed over', async () => {
  const server = await ownServer();
  const { proxy } = await proxyFor(server);
  proxy.blackhole();
  const hosts = `127.0.0.1:1,127.0.0.1:${proxy.address.port},127.0.0.1:${server.port}`;
  for (let i = 0; i < 4; i += 1) {
    const locks = await open(`zookeeper://${hosts}?tickTime=250&timeout=3s`);
    await (await locks.acquire('n')).release();
  }
});

test('no server: an error that names the hosts, in bounded time', async () => {
  const locks = await createLocks('zookeeper://user:hunter2@127.0.0.1:1,127.0.0.1:2');
  onTestFinished(() => locks.close());
  const error = await locks.acquire('n').catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: 'BACKEND_UNAVAILABLE' });
  expect(String(error)).toMatch(/127\.0\.0\.1:1, 127\.0\.0\.1:2/);
  expect(String(error)).not.toContain('hunter2');
});
