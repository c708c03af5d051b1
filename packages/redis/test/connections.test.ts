import { setTimeout as delay } from 'node:timers/promises';
import { inspect } from 'node:util';
import { Redis } from 'ioredis';
import { createLocks } from '@holdfast/core';
import type { Lock } from '@holdfast/core';
import { FaultProxy } from '@holdfast/core/conformance';
import { redis } from '@holdfast/redis';
import { freePort } from '@holdfast/testbed';
import { describe, expect, onTestFinished, test } from 'vitest';
import { connections, onlooker, open, ownServer, pending, until } from './traffic.ts';

function aborted(lock: Lock): Promise<unknown> {
  return new Promise((resolve) => {
    if (lock.signal.aborted) resolve(lock.signal.reason);
    else lock.signal.addEventListener('abort', () => resolve(lock.signal.reason), { once: true });
  });
}

async function rejection(work: Promise<unknown>): Promise<Error & { code: string }> {
  return work.then(
    () => expect.unreachable('it did not reject'),
    (error: Error & { code: string }) => error,
  );
}

describe('a server that is restarted', () => {
  test('killed and started empty: holders know in time, waiters recover by themselves, tokens never go back', async () => {
    const server = await ownServer();
    const [holder, waiting] = [await open(server.url), await open(server.url)];
    const ttl = 3000;
    const names = ['one', 'two', 'three'];
    const held = await Promise.all(names.map((name) => holder.acquire(name, { ttl })));
    const waits = names.map((name) => waiting.acquire(name, { ttl }));
    for (const name of names) await until(async () => (await pending(holder, name)) === 1);
    await server.kill();
    const killedAt = performance.now();
    const losses = Promise.all(held.map(aborted)).then(() => performance.now() - killedAt);
    await server.restart({ empty: true });
    expect(await losses).toBeLessThan(ttl);
    const next = await Promise.all(waits);
    next.forEach((lock, i) => expect(lock.fencingToken).toBeGreaterThan(held[i]?.fencingToken ?? 0n));
    expect(held.map((lock) => inspect(lock.signal.reason)).join()).toContain('LOCK_LOST');
  });

  test('with its data: locks stay held, and waiters keep their places', async () => {
    const server = await ownServer();
    const [holder, waiting] = [await open(server.url), await open(server.url)];
    const lock = await holder.acquire('kept', { ttl: '20s' });
    const waits = [waiting.acquire('kept'), holder.acquire('kept')];
    await until(async () => (await pending(holder, 'kept')) === 2);
    await server.restart();
    await until(async () => (await pending(holder, 'kept').catch(() => 0)) === 2);
    await lock.renew();
    await lock.release();
    const first = await Promise.race(waits);
    await first.release();
    await Promise.all(waits.map(async (wait) => (await wait).release()));
    expect(first.fencingToken).toBeGreaterThan(lock.fencingToken);
  });
});

describe('connections that break', () => {
  test('CLIENT KILL of all of them: what is held stays held, who waits is served', async () => {
    const { url } = await ownServer();
    const [holder, waiting, client] = [await open(url), await open(url), onlooker(url)];
    const lock = await holder.acquire('robust', { ttl: 3000 });
    const wait = waiting.acquire('robust', { ttl: 3000 });
    await until(async () => (await pending(holder, 'robust')) === 1);
    for (let round = 0; round < 3; round += 1) {
      const { commands, messages } = await connections(client);
      for (const id of [...commands, ...messages]) await client.client('KILL', 'ID', id).catch(() => 0);
      await delay(1200);
    }
    expect(lock.held).toBe(true);
    await lock.release();
    const next = await wait;
    expect(next.fencingToken).toBeGreaterThan(lock.fencingToken);
    await next.release();
  });

  test('a connection for messages that died unseen is replaced, and the wait goes on', async () => {
    const server = await ownServer();
    const proxy = await FaultProxy.start({ host: '127.0.0.1', port: server.port });
    onTestFinished(() => proxy.close());
    const own = new Redis(server.url);
    onTestFinished(() => own.disconnect());
    // Commands go straight to the server; only the duplicate passes the proxy.
    const { duplicate } = own;
    own.duplicate = (override) => duplicate.call(own, { ...override, ...proxy.address });
    const waiting = await createLocks(redis({ client: own, timeout: 500 }));
    const holder = await open(server.url);
    onTestFinished(() => waiting.close());
    const lock = await holder.acquire('deaf', { ttl: 1000 });
    const wait = waiting.acquire('deaf', { ttl: 1000 });
    await until(async () => (await pending(holder, 'deaf')) === 1);
    const client = onlooker(server.url);
    const { messages } = await connections(client);
    proxy.blackhole();
    await lock.release();
    const next = await wait;
    expect(next.remainingMs).toBeGreaterThan(0);
    await next.release();
    // Longer than the ping may take that the wait has sent.
    await delay(1500);
    await proxy.restore();
    await until(async () => (await connections(client)).messages.some((id) => !messages.includes(id)));
  });

  test('closing while the server is silent ends long before the time that an answer may take', async () => {
    const server = await ownServer();
    const proxy = await FaultProxy.start({ host: '127.0.0.1', port: server.port });
    onTestFinished(() => proxy.close());
    const backend = `redis://127.0.0.1:${proxy.address.port}`;
    const [locks, other] = [await createLocks({ backend, options: { timeout: '60s' } }), await open(server.url)];
    const lock = await other.acquire('busy');
    await locks.acquire('held');
    const wait = rejection(locks.acquire('busy'));
    await until(async () => (await pending(other, 'busy')) === 1);
    proxy.blackhole();
    const closed = locks.close().then(() => 'closed');
    expect(await Promise.race([closed, delay(20_000, 'it waits for the answer', { ref: false })])).toBe('closed');
    expect((await wait).code).toBe('LOCKS_CLOSED');
    await lock.release();
  });

  test('scripts that the server has forgotten are sent again, also those that renew many locks', async () => {
    const { url } = await ownServer();
    const [locks, client] = [await open(url), onlooker(url)];
    const held = await Promise.all(Array.from({ length: 50 }, (_, i) => locks.acquire(`script ${i}`, { ttl: 1500 })));
    for (let round = 0; round < 4; round += 1) {
      await client.script('FLUSH');
      await delay(500);
    }
    expect(held.every((lock) => lock.held)).toBe(true);
    await client.script('FLUSH');
    await Promise.all(held.map((lock) => lock.release()));
    await client.script('FLUSH');
    expect(await locks.query()).toEqual({ held: [], pending: [] });
  });
});

describe('access', () => {
  const password = 'correct horse/battery@staple?';

  test('a password: the right one works, by URL and by option; a wrong or missing one is one clear error that shows none', async () => {
    const server = await ownServer({ password });
    const bare = `redis://127.0.0.1:${server.port}`;
    await using byUrl = await createLocks(server.url);
    await using byOption = await createLocks({ backend: bare, options: { password } });
    await (await byUrl.acquire('secret')).release();
    await (await byOption.acquire('secret')).release();

    const wrong = 'wrong-and-hidden';
    for (const [options, message] of [
      [{ password: wrong }, 'refused the user name or password'],
      [{ username: 'nobody', password: wrong }, 'refused the user name or password'],
      [{}, 'asks for a password'],
    ] as const) {
      await using locks = await createLocks({ backend: bare, options });
      for (const work of [locks.acquire('secret'), locks.query(), locks.diagnose()]) {
        const error = await rejection(work);
        expect(error.code).toBe('BACKEND_UNAVAILABLE');
        expect(error.message).toContain(message);
        expect(inspect(error, { depth: 10, showHidden: true })).not.toContain(wrong);
      }
    }
  });

  test('a database that does not exist is refused, and not taken for database 0', async () => {
    const { url } = await ownServer();
    await using locks = await createLocks(`${url}/99`);
    expect((await rejection(locks.acquire('elsewhere'))).message).toContain('out of range');
  });

  test('TLS: a certificate that is trusted works, another one is refused', async () => {
    const server = await ownServer({ tls: true, password });
    await using locks = await createLocks({ backend: server.url, options: { tls: { ca: server.ca } } });
    const lock = await locks.acquire('encrypted');
    const wait = locks.acquire('encrypted');
    await until(async () => (await pending(locks, 'encrypted')) === 1);
    await lock.release();
    await (await wait).release();
    await using distrustful = await createLocks(server.url);
    const error = await rejection(distrustful.acquire('encrypted'));
    expect(error.code).toBe('BACKEND_UNAVAILABLE');
    expect(error.message).toContain('self-signed certificate');
    expect(inspect(error, { depth: 10, showHidden: true })).not.toContain('staple');
  });

  test('a refused connection is one prompt error', async () => {
    await using locks = await createLocks(`redis://:hush@127.0.0.1:${await freePort()}`);
    const startedAt = performance.now();
    const error = await rejection(locks.acquire('nowhere'));
    expect(performance.now() - startedAt).toBeLessThan(2000);
    expect(error.code).toBe('BACKEND_UNAVAILABLE');
    expect(error.message).toContain('ECONNREFUSED');
    expect(inspect(error, { depth: 10, showHidden: true })).not.toContain('hush');
  });
});

describe('a client of your own', () => {
  test('is used and left open; the connection for messages is closed', async () => {
    const { url } = await ownServer();
    const client = onlooker(url);
    const own = new Redis(url, { keyPrefix: 'app:', db: 3, maxRetriesPerRequest: null });
    onTestFinished(() => own.disconnect());
    const listeners = own.listenerCount('ready');
    const locks = await createLocks(redis({ client: own }));
    const lock = await locks.acquire('mine');
    const wait = locks.acquire('mine');
    await until(async () => (await pending(locks, 'mine')) === 1);
    expect((await locks.query()).held.map(({ name }) => name)).toEqual(['mine']);
    await lock.release();
    await (await wait).release();
    await locks.close();
    await until(async () => (await connections(client)).messages.length === 0);
    expect(await own.ping()).toBe('PONG');
    expect(own.listenerCount('ready')).toBe(listeners);
    expect(await own.keys('*')).toEqual(['app:holdfast:{mine}:token']);
  });
});
