import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { BackendUnavailableError, createLocks, LockLostError } from '@holdfast/core';
import { FaultProxy } from '@holdfast/core/conformance';
import { freePort, sharedServer } from '@holdfast/testbed';
import { describe, expect, onTestFinished, test } from 'vitest';
import { lost, open, openPeer, Operator, ownServer } from './scene.ts';

describe('a session', () => {
  test('has half the ttl of its locks, no lock-delay and no health checks, and is one for all of that ttl', async () => {
    const server = await ownServer();
    const [locks, operator] = [await open(server.url), new Operator(server.url)];
    await Promise.all(Array.from({ length: 20 }, (_, i) => locks.acquire(`lock ${i}`, { ttl: '30s' })));
    expect(await operator.sessions()).toMatchObject([{ TTL: '15000ms', LockDelay: 0, NodeChecks: [] }]);
    await locks.acquire('another', { ttl: '20s' });
    expect(await operator.sessions()).toHaveLength(2);
    await locks.close();
    expect(await operator.sessions()).toEqual([]);
  });

  test('that is not renewed is ended by the server at twice its TTL and no earlier: what the ttl of locks relies on', async () => {
    const server = await ownServer();
    const operator = new Operator(server.url);
    const ends: number[] = [];
    for (let round = 0; round < 3; round += 1) {
      const startedAt = performance.now();
      await operator.ask('PUT', 'session/create', { TTL: '1s', Behavior: 'delete' });
      while ((await operator.sessions()).length > 0) await delay(5);
      ends.push(performance.now() - startedAt);
    }
    for (const end of ends) expect(end).toBeGreaterThan(2000);
    expect(Math.min(...ends)).toBeLessThan(3000);
  });

  test('destroyed behind the back of a holder: its signal aborts at once', async () => {
    const server = await ownServer();
    const [locks, operator] = [await open(server.url), new Operator(server.url)];
    const lock = await locks.acquire('a', { ttl: '60s' });
    const startedAt = performance.now();
    await operator.destroySessions();
    expect(await lost(lock.signal)).toBeInstanceOf(LockLostError);
    // Far sooner than its next heartbeat.
    expect(performance.now() - startedAt).toBeLessThan(5000);
    expect(lock.held).toBe(false);
  });

  test('destroyed behind the back of a waiter: it is not granted the lock by it, but enters again', async () => {
    const server = await ownServer();
    const [holder, waiter, operator] = [await open(server.url), await open(server.url), new Operator(server.url)];
    const held = await holder.acquire('a', { ttl: '60s' });
    const its = (await operator.sessions()).map(({ ID }) => ID);
    const waiting = waiter.acquire('a', { ttl: '60s' });
    await expect.poll(async () => (await holder.query('a')).pending.length).toBe(1);
    const [old] = (await operator.sessions()).filter(({ ID }) => !its.includes(ID));
    await operator.destroySessions(its);
    await expect.poll(async () => (await holder.query('a')).pending.length).toBe(1);
    expect((await operator.sessions()).map(({ ID }) => ID)).not.toContain(old?.ID);
    expect(held.held).toBe(true);
    await held.release();
    const lock = await waiting;
    expect(lock.held).toBe(true);
    expect(lock.fencingToken > held.fencingToken).toBe(true);
  });

  test('destroyed in the moment of the hand-over: whoever reports success holds', async () => {
    const server = await ownServer();
    const [holder, waiter, operator] = [await open(server.url), await open(server.url), new Operator(server.url)];
    for (let round = 0; round < 10; round += 1) {
      const held = await holder.acquire('a');
      const its = (await operator.sessions()).map(({ ID }) => ID);
      const waiting = waiter.acquire('a');
      await expect.poll(async () => (await holder.query('a')).pending.length, { interval: 2 }).toBe(1);
      await Promise.all([held.release(), operator.destroySessions(its.slice(0, 1))]);
      const lock = await waiting;
      // It may have been destroyed right after the grant: then the holder knows.
      await delay(100);
      const shown = (await holder.query('a')).held.map(({ fencingToken }) => fencingToken);
      expect(shown).toEqual(lock.held ? [lock.fencingToken] : []);
      await lock.release();
    }
  });

  test('that nobody renews keeps its place in the queue, and its ttl begins with the grant', async () => {
    const server = await ownServer();
    const [holder, waiter, behind] = [await open(server.url), await open(server.url), await open(server.url)];
    const held = await holder.acquire('a', { ttl: '30s' });
    const waiting = waiter.acquire('a', { ttl: '3s', renew: false });
    await expect.poll(async () => (await holder.query('a')).pending.length).toBe(1);
    const last = behind.acquire('a', { ttl: '30s' });
    await delay(5000);
    await held.release();
    const lock = await waiting;
    expect(lock.remainingMs).toBeGreaterThan(2000);
    await lock.release();
    await (await last).release();
  });

  test('of more than a day is refused', async () => {
    const { url } = await sharedServer('consul');
    await expect((await open(url)).acquire('a', { ttl: '49h' })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  test('whose keys an operator deletes is over for its holders at once', async () => {
    const server = await ownServer();
    const [locks, operator] = [await open(server.url), new Operator(server.url)];
    const lock = await locks.acquire('a', { ttl: '60s' });
    await operator.ask('DELETE', 'kv/holdfast/?recurse');
    expect(await lost(lock.signal)).toBeInstanceOf(LockLostError);
    const next = await locks.acquire('a');
    expect(next.fencingToken > lock.fencingToken).toBe(true);
    await next.release();
  });
});

describe('the server', () => {
  test('restarts: locks and waiters are kept, and tokens grow', async () => {
    const server = await ownServer();
    const [holder, waiter] = [await open(server.url), await open(server.url)];
    const held = await holder.acquire('a', { ttl: '20s' });
    const waiting = waiter.acquire('a', { ttl: '20s' });
    await expect.poll(async () => (await holder.query('a')).pending.length).toBe(1);
    await server.restart();
    expect(held.held).toBe(true);
    await held.renew();
    await held.release();
    const next = await waiting;
    expect(next.fencingToken > held.fencingToken).toBe(true);
    await next.release();
  });

  test('frozen for less than the ttl: nothing is lost', async () => {
    const server = await ownServer();
    const [holder, waiter] = [await open(server.url), await open(server.url)];
    const held = await holder.acquire('a', { ttl: '9s' });
    const waiting = waiter.acquire('a', { ttl: '9s' });
    await expect.poll(async () => (await holder.query('a')).pending.length).toBe(1);
    await server.pause();
    await delay(4000);
    await server.resume();
    await held.renew();
    expect(held.held).toBe(true);
    await held.release();
    await (await waiting).release();
  });

  test('frozen for longer: the holder gives up at its ttl, while the server can grant to nobody', async () => {
    const server = await ownServer();
    const locks = await open(server.url);
    const lock = await locks.acquire('a', { ttl: '2s' });
    await server.pause();
    const startedAt = performance.now();
    expect(await lost(lock.signal)).toBeInstanceOf(LockLostError);
    expect(performance.now() - startedAt).toBeLessThan(2500);
    await server.resume();
    await (await locks.acquire('a')).release();
  });

  test('is not there: a clear error in bounded time', async () => {
    const locks = await open(`consul://127.0.0.1:${await freePort()}?patience=1s`);
    const startedAt = performance.now();
    const error = (await locks.acquire('a').catch((reason: unknown) => reason)) as BackendUnavailableError;
    expect(error).toBeInstanceOf(BackendUnavailableError);
    expect(error.message).toMatch(/cannot connect to 127\.0\.0\.1:\d+/);
    expect(performance.now() - startedAt).toBeLessThan(3000);
  });

  test('silent behind one of several agents: another one is asked, and no lock is lost', async () => {
    const { url } = await sharedServer('consul');
    const { host, hostname, port } = new URL(url);
    const proxy = await FaultProxy.start({ host: hostname, port: Number(port) });
    onTestFinished(() => proxy.close());
    const locks = await open(
      url.replace(host, `127.0.0.1:${proxy.address.port},${host}`).replace('?', '?timeout=500ms&'),
    );
    const name = randomUUID();
    const lock = await locks.acquire(name, { ttl: '3s' });
    proxy.blackhole();
    await delay(4000);
    expect(lock.held).toBe(true);
    await lock.release();
    await (await locks.acquire(name)).release();
  });
});

describe('access control', () => {
  const token = 'a-secret-token';

  /** A token which may do what the rules say. */
  async function tokenFor(operator: Operator, rules: string): Promise<string> {
    const name = randomUUID();
    await operator.ask('PUT', 'acl/policy', { Name: name, Rules: rules });
    const made = (await operator.ask('PUT', 'acl/token', { Policies: [{ Name: name }] })) as { SecretID: string };
    return made.SecretID;
  }

  test('a token with the documented rules is enough; others get an error that names them, and shows no token', async () => {
    const server = await ownServer({ password: token });
    const operator = new Operator(server.url);
    const as = (secret: string): string => server.url.replace(token, secret);

    const session = 'session "holdfast" { policy = "write" } node "holdfast" { policy = "write" }';
    const keys = 'key_prefix "holdfast/" { policy = "write" }';
    const allowed = await open(as(await tokenFor(operator, `${session} ${keys}`)));
    const lock = await allowed.acquire('a');
    const thief = await allowed.acquire('a', { steal: true });
    expect((await allowed.query()).held).toHaveLength(1);
    await thief.release();
    await lock.release();

    const others = [
      await tokenFor(operator, keys),
      await tokenFor(operator, session),
      await tokenFor(operator, `${session} key_prefix "holdfast/" { policy = "read" }`),
      await tokenFor(
        operator,
        `${session} key_prefix "holdfast/session/" { policy = "write" } key_prefix "holdfast/queue/mine" { policy = "write" }`,
      ),
      randomUUID(),
    ];
    for (const secret of others) {
      const locks = await open(as(secret));
      const startedAt = performance.now();
      const error = (await locks.acquire('another name').catch((reason: unknown) => reason)) as BackendUnavailableError;
      expect(error).toBeInstanceOf(BackendUnavailableError);
      expect(error.message).toMatch(/Consul refused the request: .*`key_prefix`.*`session`.*`node`/s);
      expect(`${error.stack} ${String(error.cause)}`).not.toContain(secret);
      expect(performance.now() - startedAt).toBeLessThan(5000);
    }
    await expect(allowed.tryAcquire('another name')).resolves.not.toBeNull();
  });

  test('query refuses to show less than there is', async () => {
    const server = await ownServer({ password: token });
    const locks = await open(server.url);
    await locks.acquire('a');
    const secret = await tokenFor(new Operator(server.url), 'key_prefix "other/" { policy = "read" }');
    const stranger = await open(server.url.replace(token, secret));
    await expect(stranger.query()).rejects.toThrow(/may not read all of holdfast/);
  });

  test('a token that is revoked while it holds: the lock is lost, at the latest at the ttl', async () => {
    const server = await ownServer({ password: token });
    const operator = new Operator(server.url);
    const rules =
      'session "holdfast" { policy = "write" } node "holdfast" { policy = "write" } key_prefix "holdfast/" { policy = "write" }';
    const secret = await tokenFor(operator, rules);
    const locks = await open(server.url.replace(token, secret));
    const lock = await locks.acquire('a', { ttl: '3s' });
    const { AccessorID } = (await new Operator(server.url.replace(token, secret)).ask('GET', 'acl/token/self')) as {
      AccessorID: string;
    };
    await operator.ask('DELETE', `acl/token/${AccessorID}`);
    expect(await lost(lock.signal)).toBeInstanceOf(LockLostError);
    await (await (await open(server.url)).acquire('a')).release();
  });
});

test('TLS: the certificate is checked', async () => {
  const server = await ownServer({ tls: true });
  await using trusting = await createLocks({ backend: server.url, options: { tls: { ca: server.ca ?? '' } } });
  await (await trusting.acquire('a')).release();
  await using other = await createLocks(`${server.url}&patience=1s`);
  await expect(other.acquire('a')).rejects.toMatchObject({ code: 'BACKEND_UNAVAILABLE' });
});

test('a namespace on a server without namespaces is refused in words', async () => {
  const { url } = await sharedServer('consul');
  await expect((await open(`${url}&namespace=team`)).acquire('a')).rejects.toThrow(/Consul refused the request: 400/);
});

test('a holder in another process that is stolen from while it releases changes nothing for the thief', async () => {
  const { url } = await sharedServer('consul');
  const [peer, thief] = [await openPeer(url), await open(url)];
  for (let round = 0; round < 10; round += 1) {
    const name = randomUUID();
    const held = await peer.acquire(name);
    const [stolen] = await Promise.all([thief.acquire(name, { steal: true }), held.release()]);
    expect(stolen.fencingToken > held.fencingToken).toBe(true);
    expect(await thief.tryAcquire(name)).toBeNull();
    await stolen.release();
  }
});
