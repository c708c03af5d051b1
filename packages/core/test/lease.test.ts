import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { batched, Lease, LockLostError, monotonicMs } from '@holdfast/core/adapter';
import type { LeaseEvent, LeaseOptions, RenewResult } from '@holdfast/core/adapter';

function lease(options: Partial<LeaseOptions> = {}): Lease {
  return new Lease({
    ttlMs: 300,
    provedAt: monotonicMs(),
    renew: () => Promise.resolve('renewed'),
    auto: true,
    ...options,
  });
}

function eventsOf(subject: Lease): LeaseEvent['type'][] {
  const events: LeaseEvent['type'][] = [];
  subject.observe((event) => events.push(event.type));
  return events;
}

const never = (): Promise<RenewResult> => new Promise(() => undefined);

describe('a lease', () => {
  test('is renewed about three times per ttl and stays held', async () => {
    let renewals = 0;
    const subject = lease({ renew: () => Promise.resolve((renewals++, 'renewed' as const)) });
    await delay(1500);
    expect(subject.state).toBe('held');
    expect(subject.remainingMs).toBeGreaterThan(0);
    expect(renewals).toBeGreaterThanOrEqual(8);
    expect(renewals).toBeLessThanOrEqual(30);
    subject.end();
  });

  test('is lost at the deadline although a renewal hangs, before the backend could grant it to another', async () => {
    const provedAt = monotonicMs();
    const subject = lease({ provedAt, renew: never });
    const lostAt = await new Promise<number>((resolve) => {
      subject.signal.addEventListener('abort', () => resolve(monotonicMs()));
    });
    expect(lostAt - provedAt).toBeLessThan(300);
    expect(subject.signal.reason).toBeInstanceOf(LockLostError);
    expect(subject.signal.reason).toMatchObject({ code: 'LOCK_LOST', reason: 'expired' });
    expect(subject.remainingMs).toBe(0);
  });

  test('counts from the start of the renewal, not from its answer', async () => {
    const subject = lease({ ttlMs: 1000, auto: false, renew: () => delay(400, 'renewed' as const) });
    await subject.renew();
    expect(subject.remainingMs).toBeLessThanOrEqual(600);
    expect(subject.remainingMs).toBeGreaterThan(0);
    subject.end();
  });

  test('is unknown, not lost, while the backend can not be asked, and held again after', async () => {
    let broken = true;
    const subject = lease({
      renew: () => (broken ? Promise.reject(new Error('ECONNRESET')) : Promise.resolve('renewed')),
    });
    const events = eventsOf(subject);
    await delay(150);
    expect(subject.state).toBe('unknown');
    expect(subject.remainingMs).toBeGreaterThan(0);
    broken = false;
    await delay(350);
    expect(subject.state).toBe('held');
    expect(events).toContain('unknown');
    expect(events.at(-1)).toBe('renewed');
    expect(events).not.toContain('lost');
    subject.end();
  });

  test('does not retry a failing renewal in a hot loop at a small ttl', async () => {
    let attempts = 0;
    const subject = lease({ ttlMs: 200, renew: () => Promise.reject(new Error(String(attempts++))) });
    await delay(400);
    expect(subject.state).toBe('lost');
    expect(attempts).toBeLessThanOrEqual(10);
  });

  test('is lost at once when the backend says so, with the reason', async () => {
    const subject = lease({ auto: false, ttlMs: 10_000, renew: () => Promise.resolve('stolen') });
    await expect(subject.renew()).rejects.toMatchObject({ code: 'LOCK_LOST', reason: 'stolen' });
    expect(subject.signal.aborted).toBe(true);
  });

  test('is not revived by a renewal that succeeds after the deadline', async () => {
    const subject = lease({ ttlMs: 200, auto: false, renew: () => delay(300, 'renewed' as const) });
    await expect(subject.renew()).rejects.toBeInstanceOf(LockLostError);
    expect(subject.state).toBe('lost');
    subject.proved(monotonicMs());
    expect(subject.state).toBe('lost');
  });

  test('says that it is lost as soon as it is asked, although its timer could not run', () => {
    const subject = lease({ ttlMs: 100 });
    const until = monotonicMs() + 150;
    while (monotonicMs() < until);
    expect(subject.remainingMs).toBe(0);
    expect(subject.signal.aborted).toBe(true);
  });

  test('takes the skew between servers off its validity', () => {
    const subject = lease({ ttlMs: 1000, skewMs: 300 });
    expect(subject.remainingMs).toBeLessThanOrEqual(700);
    subject.end();
  });

  test('neither renews nor aborts once it has ended', async () => {
    let renewals = 0;
    const subject = lease({ ttlMs: 150, renew: () => Promise.resolve((renewals++, 'renewed' as const)) });
    const { signal } = subject;
    subject.end();
    await delay(300);
    expect(renewals).toBe(0);
    expect(signal.aborted).toBe(false);
    expect(subject.remainingMs).toBe(0);
  });

  test('keeps a proof that overtook an older one', async () => {
    const subject = lease({ ttlMs: 1000, auto: false });
    const older = monotonicMs();
    await delay(200);
    subject.proved(monotonicMs());
    const before = subject.remainingMs;
    subject.proved(older);
    expect(subject.remainingMs).toBeGreaterThan(before - 50);
    subject.end();
  });
});

test('leases of one ttl that began at different moments renew in few batches', async () => {
  const batches: number[] = [];
  const renew = batched<Lease, RenewResult>((leases) => {
    batches.push(leases.length);
    return Promise.resolve(leases.map(() => 'renewed' as const));
  });
  const leases: Lease[] = [];
  for (let i = 0; i < 300; i++) {
    leases.push(lease({ ttlMs: 3000, renew }));
    if (i % 10 === 0) await delay(1);
  }
  await delay(1300);
  const renewed = batches.reduce((sum, size) => sum + size, 0);
  expect(renewed).toBeGreaterThanOrEqual(300);
  expect(batches.length).toBeLessThanOrEqual(60);
  for (const subject of leases) subject.end();
});

test('a batch that fails fails each of its items, and no other batch', async () => {
  let fail = true;
  const call = batched<number, number>((items) =>
    fail ? Promise.reject(new Error('down')) : Promise.resolve(items.map((i) => i * 2)),
  );
  const results = await Promise.allSettled([call(1), call(2)]);
  expect(results.map((result) => result.status)).toEqual(['rejected', 'rejected']);
  fail = false;
  expect(await Promise.all([call(1), call(2)])).toEqual([2, 4]);
});
