/** What core owes when a backend is slow, late or broken. What it owes on a backend that works is in the conformance suite. */
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { BackendUnavailableError, LockLostError, Locks } from '@holdfast/core';
import type { Grant, LockBackend, LockRequest } from '@holdfast/core';
import { Lease, monotonicMs } from '@holdfast/core/adapter';

const capabilities: LockBackend['capabilities'] = {
  modes: ['exclusive'],
  steal: false,
  query: false,
  fifo: true,
  wakeup: 'push',
  lease: 'grant',
  takeover: 'after-ttl',
  ttl: { minMs: 10, granularityMs: 10 },
  fencing: 'per-name',
  reach: 'process',
  durability: 'none',
};

let lastToken = 0n;

function grant(ttlMs = 10_000, provedAt = monotonicMs()): Grant & { lease: Lease } {
  lastToken += 1n;
  return {
    fencingToken: lastToken,
    lease: new Lease({ ttlMs, provedAt, auto: false, renew: () => Promise.resolve('renewed') }),
  };
}

interface Scripted {
  locks: Locks;
  released: Grant[];
  requests: LockRequest[];
}

function scripted(script: Partial<Pick<LockBackend, 'acquire' | 'release' | 'close'>>): Scripted {
  const released: Grant[] = [];
  const requests: LockRequest[] = [];
  const locks = new Locks({
    name: 'scripted',
    capabilities,
    acquire: (request) => {
      requests.push(request);
      return script.acquire?.(request) ?? Promise.resolve(grant());
    },
    release: (given) => {
      released.push(given);
      given.lease.end();
      return script.release?.(given) ?? Promise.resolve('released');
    },
    close: () => script.close?.() ?? Promise.resolve(),
  });
  return { locks, released, requests };
}

const hang = (): Promise<never> => new Promise(() => undefined);

describe('a backend that does not answer', () => {
  test('does not keep a wait beyond its timeout', async () => {
    const { locks } = scripted({ acquire: hang });
    const startedAt = monotonicMs();
    await expect(locks.acquire('a', { timeout: 100 })).rejects.toMatchObject({ code: 'LOCK_TIMEOUT' });
    expect(monotonicMs() - startedAt).toBeLessThan(3000);
  });

  test('gets its grant back when that comes after the caller has gone', async () => {
    const late = grant();
    const { locks, released } = scripted({ acquire: () => delay(1500, late) });
    await expect(locks.acquire('a', { timeout: 50 })).rejects.toMatchObject({ code: 'LOCK_TIMEOUT' });
    expect(released).toEqual([]);
    await locks.close();
    expect(released).toEqual([late]);
  });

  test('does not keep close from ending', async () => {
    const { locks } = scripted({ release: hang });
    const lock = await locks.acquire('a');
    const waiting = expect(scripted({ acquire: hang }).locks.close()).resolves.toBeUndefined();
    await locks.close();
    await waiting;
    expect(lock.held).toBe(false);
  }, 20_000);
});

describe('a grant', () => {
  test('that was so long on its way that it is over is given back, and the waiter asks again', async () => {
    const answers = [grant(100, monotonicMs() - 200), grant()];
    const [dead, alive] = [...answers];
    const { locks, released, requests } = scripted({ acquire: () => Promise.resolve(answers.shift() ?? null) });
    const lock = await locks.acquire('a', { ttl: 100 });
    expect(lock.fencingToken).toBe(alive?.fencingToken);
    expect(released).toEqual([dead]);
    expect(new Set(requests.map(({ owner }) => owner)).size).toBe(2);
  });

  test('of which little is left is renewed before it is handed over', async () => {
    const { locks } = scripted({ acquire: () => Promise.resolve(grant(10_000, monotonicMs() - 9500)) });
    const lock = await locks.acquire('name');
    expect(lock.remainingMs).toBeGreaterThan(9000);
  });

  test('of a session that lives longer than was asked for is judged by the time of the session', async () => {
    const { locks } = scripted({ acquire: () => Promise.resolve(grant(10_000, monotonicMs() - 9500)) });
    const lock = await locks.acquire('name', { ttl: 100 });
    expect(lock.remainingMs).toBeGreaterThan(9000);
  });

  test('that ends while its renewal hangs is given back, and the waiter asks again', async () => {
    let requests = 0;
    const { locks, released } = scripted({
      acquire: () => {
        requests += 1;
        if (requests > 1) return Promise.resolve(grant());
        const lease = new Lease({ ttlMs: 1000, provedAt: monotonicMs() - 900, auto: false, renew: hang });
        return Promise.resolve({ fencingToken: 1n, lease });
      },
    });
    const lock = await locks.acquire('name');
    expect(lock.remainingMs).toBeGreaterThan(9000);
    expect(released.length).toBe(1);
  });

  test('that has next to nothing left, because its renewal failed, is given back, and the waiter asks again', async () => {
    const failing = { auto: false, renew: () => Promise.reject(new Error('unreachable')) };
    const scarce = { fencingToken: 1n, lease: new Lease({ ttlMs: 1000, provedAt: monotonicMs() - 960, ...failing }) };
    const answers = [scarce, grant()];
    const { locks, released } = scripted({ acquire: () => Promise.resolve(answers.shift() ?? null) });
    const lock = await locks.acquire('name');
    expect(lock.remainingMs).toBeGreaterThan(9000);
    expect(released).toEqual([scarce]);
  });

  test('that is over is no success of a request that only tries', async () => {
    const { locks } = scripted({ acquire: () => Promise.resolve(grant(100, monotonicMs() - 200)) });
    await expect(locks.tryAcquire('a', { ttl: 100 })).rejects.toBeInstanceOf(BackendUnavailableError);
  });

  test('that comes in the same turn as the abort is given back', async () => {
    const controller = new AbortController();
    const { locks, released } = scripted({
      acquire: () => {
        const given = grant();
        controller.abort(new Error('changed my mind'));
        return Promise.resolve(given);
      },
    });
    await expect(locks.acquire('a', { signal: controller.signal })).rejects.toThrow('changed my mind');
    expect(released).toHaveLength(1);
  });

  test('that is lost right behind its arrival is seen as lost', async () => {
    const { locks } = scripted({
      acquire: () => {
        const given = grant();
        return new Promise((resolve) => {
          resolve(given);
          // After core looked at what remains, before it observes.
          void Promise.resolve().then(() =>
            Promise.resolve().then(() => setImmediate(() => given.lease.lose('stolen'))),
          );
        });
      },
    });
    const lock = await locks.acquire('a');
    await delay(20);
    expect(lock.signal.reason).toMatchObject({ code: 'LOCK_LOST', reason: 'stolen' });
  });

  test('of a client that closes at that moment is given back', async () => {
    let close: Promise<void> | undefined;
    const { locks, released } = scripted({
      acquire: () => {
        const given = grant();
        queueMicrotask(() =>
          queueMicrotask(() => {
            close = locks.close();
          }),
        );
        return Promise.resolve(given);
      },
    });
    const outcome = await locks.acquire('a').then(
      (lock) => lock.held,
      (error: { code: string }) => error.code,
    );
    await close;
    expect([false, 'LOCKS_CLOSED']).toContain(outcome);
    expect(released).toHaveLength(1);
  });
});

describe('request', () => {
  const failing = { release: () => Promise.reject(new BackendUnavailableError('gone')) };

  test('resolves with what the callback made, although the release failed', async () => {
    await expect(scripted(failing).locks.request('a', () => 'made')).resolves.toBe('made');
  });

  test("rejects with the callback's own error, although the release failed", async () => {
    const error = new Error('mine');
    await expect(scripted(failing).locks.request('a', () => Promise.reject(error))).rejects.toBe(error);
    await expect(
      scripted(failing)
        .locks.acquire('a')
        .then((lock) => lock.release()),
    ).rejects.toBeInstanceOf(BackendUnavailableError);
  });

  test('is not upset by a release that throws at once', async () => {
    const { locks } = scripted({
      acquire: () => Promise.resolve(grant()),
      release: () => {
        throw new BackendUnavailableError('down');
      },
    });
    const lock = await locks.acquire('x');
    await expect(lock.release()).rejects.toThrow('down');
    expect(await locks.request('y', () => 'result')).toBe('result');
  });

  test('rejects with the loss, once the callback is done', async () => {
    const given = grant();
    const { locks } = scripted({ acquire: () => Promise.resolve(given) });
    let done = false;
    const outcome = locks.request('a', async () => {
      given.lease.lose('expired');
      await delay(20);
      done = true;
      return 'made';
    });
    await expect(outcome).rejects.toBeInstanceOf(LockLostError);
    expect(done).toBe(true);
  });

  test("gives the callback's error the loss as its cause", async () => {
    const given = grant();
    const { locks } = scripted({ acquire: () => Promise.resolve(given) });
    const error = new Error('the write failed');
    const outcome = locks.request('a', () => {
      given.lease.lose('expired');
      throw error;
    });
    await expect(outcome).rejects.toBe(error);
    expect(error.cause).toBeInstanceOf(LockLostError);
  });
});

test('one signal can abort a thousand requests without a warning of a leak, and none keeps listening', async () => {
  const warnings: Error[] = [];
  const onWarning = (warning: Error): void => void warnings.push(warning);
  process.on('warning', onWarning);
  const controller = new AbortController();
  const { locks } = scripted({
    acquire: ({ signal }) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
  });
  const waits = Array.from({ length: 1000 }, (_, i) => locks.acquire(`a${i}`, { signal: controller.signal }));
  controller.abort(new Error('enough'));
  const outcomes = await Promise.allSettled(waits);
  expect(
    new Set(outcomes.map((outcome) => outcome.status === 'rejected' && (outcome.reason as Error).message)),
  ).toEqual(new Set(['enough']));
  await delay(10);
  process.off('warning', onWarning);
  expect(warnings).toEqual([]);
});

test('the owner of a request is a random UUID, and no two are the same', async () => {
  const { locks, requests } = scripted({});
  const many = 1000;
  await Promise.all(Array.from({ length: many }, (_, i) => locks.acquire(`name ${i}`)));
  const owners = requests.map(({ owner }) => owner);
  // RFC 9562, version 4.
  for (const owner of owners) expect(owner).toMatch(/^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
  expect(new Set(owners).size).toBe(many);
  // Each of its 122 bits is drawn: none is the same in all.
  const places = Array.from({ length: 36 }, (_, place) => new Set(owners.map((owner) => owner[place])).size);
  expect(places.filter((digits) => digits === 16)).toHaveLength(30);
  expect(places.filter((digits) => digits === 4)).toHaveLength(1);
});
