import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { Lease, monotonicMs, Sessions, SharedLease } from '@holdfast/core/adapter';
import type { Session } from '@holdfast/core/adapter';

interface Opened extends Session {
  readonly id: number;
  closed: number;
}

function sessionsThat(
  fail: () => boolean = () => false,
  idleMs = 50,
): { sessions: Sessions<Opened>; opened: Opened[] } {
  const opened: Opened[] = [];
  const sessions = new Sessions<Opened>({
    idleMs,
    open: async (ttlMs, auto) => {
      await delay(5);
      if (fail()) throw new Error('refused');
      const lease = new Lease({ ttlMs, provedAt: monotonicMs(), auto, renew: () => Promise.resolve('renewed') });
      const session: Opened = {
        id: opened.length,
        closed: 0,
        lease,
        close: () => Promise.resolve(void (session.closed += 1)),
      };
      opened.push(session);
      return session;
    },
  });
  return { sessions, opened };
}

describe('sessions', () => {
  test('of one ttl are shared, of another are not', async () => {
    const { sessions, opened } = sessionsThat();
    const [a, b, c] = await Promise.all([sessions.use(1000, true), sessions.use(1000, true), sessions.use(2000, true)]);
    expect(a).toBe(b);
    expect(c).not.toBe(a);
    expect(opened).toHaveLength(2);
    await sessions.close();
    expect(opened.map(({ closed }) => closed)).toEqual([1, 1]);
  });

  test('of requests that are not renewed are their own, and close with them', async () => {
    const { sessions, opened } = sessionsThat();
    const [a, b] = await Promise.all([sessions.use(1000, false), sessions.use(1000, false)]);
    expect(a).not.toBe(b);
    sessions.done(a);
    expect(opened.map(({ closed }) => closed)).toEqual([1, 0]);
    await sessions.close();
  });

  test('are kept for a while for the next request, then closed', async () => {
    const { sessions, opened } = sessionsThat();
    const first = await sessions.use(1000, true);
    sessions.done(first);
    expect(await sessions.use(1000, true)).toBe(first);
    sessions.done(first);
    await delay(150);
    expect(opened.map(({ closed }) => closed)).toEqual([1]);
    expect(await sessions.use(1000, true)).not.toBe(first);
    await sessions.close();
  });

  test('that were lost are not handed out again', async () => {
    const { sessions } = sessionsThat();
    const first = await sessions.use(1000, true);
    first.lease.lose('expired');
    expect(await sessions.use(1000, true)).not.toBe(first);
    sessions.done(first);
    expect(first.closed).toBe(1);
    await sessions.close();
  });

  test('that could not be opened fail all who asked, and are tried again by the next', async () => {
    let down = true;
    const { sessions } = sessionsThat(() => down);
    const results = await Promise.allSettled([sessions.use(1000, true), sessions.use(1000, true)]);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    down = false;
    expect((await sessions.use(1000, true)).lease.state).toBe('held');
    await sessions.close();
  });
});

describe('a grant in a session', () => {
  const session = (): Lease =>
    new Lease({ ttlMs: 10_000, provedAt: monotonicMs(), auto: false, renew: () => Promise.resolve('renewed') });

  test('can be stolen alone', () => {
    const lease = session();
    const [a, b] = [new SharedLease(lease), new SharedLease(lease)];
    a.lose('stolen');
    expect(a.signal.reason).toMatchObject({ reason: 'stolen' });
    expect(a.remainingMs).toBe(0);
    expect(b.state).toBe('held');
    expect(b.remainingMs).toBeGreaterThan(0);
    lease.end();
  });

  test('is lost with its session, unless it was released before', () => {
    const lease = session();
    const [a, b] = [new SharedLease(lease), new SharedLease(lease)];
    const { signal } = b;
    b.end();
    lease.lose('expired');
    expect(a.state).toBe('lost');
    expect(a.signal.aborted).toBe(true);
    expect(b.state).toBe('ended');
    expect(signal.aborted).toBe(false);
    expect(new SharedLease(lease).state).toBe('lost');
  });
});
