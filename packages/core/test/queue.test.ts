import * as fc from 'fast-check';
import { apply, CONFIRM_MS, emptyQueue, find, nextExpiry, snapshot } from '@holdfast/core/adapter';
import type { QueueEntry, QueueEvent, QueueState, RequestMode } from '@holdfast/core/adapter';
import { describe, expect, test } from 'vitest';
import { NaiveQueue } from './naive-queue.ts';

const client = { id: 'client', host: 'host', pid: 1 };
const owners = ['a', 'b', 'c', 'd', 'e', 'f'];
const place = fc.oneof(
  { weight: 2, arbitrary: fc.constant({ mode: 'exclusive' as const }) },
  fc.constant({ mode: 'shared' as const }),
  fc.record({ mode: fc.constant('semaphore' as const), permits: fc.integer({ min: 1, max: 3 }) }),
);

interface Move {
  readonly type: 'request' | 'renew' | 'leave' | 'tick';
  readonly owner: string;
  readonly place: { readonly mode: RequestMode; readonly permits?: number };
  readonly ttlMs: number;
  readonly wait: boolean;
  readonly steal: boolean;
  /** ms since the event before. */
  readonly pass: number;
  /** By how much the event is late to arrive, in ms. */
  readonly late: number;
}

const move: fc.Arbitrary<Move> = fc.record({
  type: fc.constantFrom('request', 'request', 'request', 'renew', 'leave', 'tick'),
  owner: fc.constantFrom(...owners),
  place,
  ttlMs: fc.constantFrom(10, 500, 1500, CONFIRM_MS, 30_000),
  wait: fc.boolean(),
  steal: fc.nat({ max: 5 }).map((n) => n === 0),
  pass: fc.oneof(fc.nat({ max: 5 }), fc.nat({ max: 3000 })),
  late: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.nat({ max: 2000 })),
});
const moves = fc.array(move, { maxLength: 60 });

/** Starts late enough that no event's time is negative; the wall clock is behind it, and stands still now and then. */
function eventsOf(list: readonly Move[]): QueueEvent[] {
  let time = 10_000;
  return list.map(({ type, owner, place: { mode, permits }, ttlMs, wait, steal, pass, late }) => {
    time += pass;
    const at = { time: time - late, wallMicros: BigInt(Math.floor(time / 100)) };
    if (type === 'tick') return { type, ...at };
    if (type !== 'request') return { type, owner, ...at };
    return { type, owner, mode, permits, ttlMs, client, wait, steal: steal && mode === 'exclusive', ...at };
  });
}

function holdersOf(state: QueueState): QueueEntry[] {
  return state.entries.filter(({ token }) => token !== undefined);
}

function after(list: readonly Move[]): QueueState {
  const state = emptyQueue();
  for (const event of eventsOf(list)) apply(state, event);
  return state;
}

describe('whatever the events', () => {
  test('the queue does what a naive model of it does', () => {
    fc.assert(
      fc.property(moves, (list) => {
        const state = emptyQueue();
        const model = new NaiveQueue();
        for (const event of eventsOf(list)) {
          const { granted, ended } = apply(state, event);
          const expected = model.apply(event);
          expect(granted.map(({ owner, token, expiresAt }) => ({ owner, token, expiresAt }))).toEqual(expected.granted);
          expect(new Set(ended.map(({ entry, reason }) => `${entry.owner} ${reason}`))).toEqual(
            new Set(expected.ended),
          );
          expect(
            holdersOf(state)
              .map(({ owner }) => owner)
              .sort(),
          ).toEqual([...model.held.keys()].sort());
          expect(state.entries.filter(({ token }) => token === undefined).map(({ owner }) => owner)).toEqual(
            model.waiting.map(({ owner }) => owner),
          );
          expect(nextExpiry(state)).toBe(
            Math.min(Infinity, ...[...model.held.values()].map(({ expiresAt }) => expiresAt)),
          );
        }
      }),
      { numRuns: 2000 },
    );
  });

  test('holders come first, and no two of them exclude each other', () => {
    fc.assert(
      fc.property(moves, (list) => {
        const state = emptyQueue();
        for (const event of eventsOf(list)) {
          apply(state, event);
          const holders = holdersOf(state);
          expect(state.entries.slice(0, holders.length)).toEqual(holders);
          expect(new Set(holders.map(({ mode }) => mode)).size).toBeLessThanOrEqual(1);
          if (holders[0]?.mode === 'exclusive') expect(holders).toHaveLength(1);
          if (holders[0]?.mode === 'semaphore') {
            expect(holders.length).toBeLessThanOrEqual(Math.max(...holders.map(({ permits = 0 }) => permits)));
          }
          expect(new Set(state.entries.map(({ owner }) => owner)).size).toBe(state.entries.length);
        }
      }),
      { numRuns: 1000 },
    );
  });

  test('every grant has a greater token than all before it', () => {
    fc.assert(
      fc.property(moves, (list) => {
        const state = emptyQueue();
        let last = 0n;
        for (const event of eventsOf(list)) {
          for (const { token } of apply(state, event).granted) {
            expect(token).toBeGreaterThan(last);
            last = token as bigint;
          }
          expect(state.token).toBe(last);
        }
      }),
      { numRuns: 1000 },
    );
  });

  test('an event that is applied twice in a row counts once', () => {
    fc.assert(
      fc.property(moves, move, (list, repeated) => {
        const events = eventsOf([...list, { ...repeated, late: 0 }]);
        const last = events.pop() as QueueEvent;
        const state = emptyQueue();
        for (const event of events) apply(state, event);
        // At its own time: one so late that its ttl is over by then is gone before it can be repeated.
        const event = { ...last, time: Math.max(last.time, state.time) };
        apply(state, event);
        const once = structuredClone(state);
        expect(apply(state, event)).toEqual({ granted: [], ended: [] });
        expect(state).toEqual(once);
      }),
      { numRuns: 1000 },
    );
  });

  test('two that see the same events agree on all of it', () => {
    fc.assert(
      fc.property(moves, (list) => {
        expect(after(list)).toEqual(after(list));
      }),
    );
  });

  test('every waiter gets its turn, in the order of the queue, though all ahead of it may be dead', () => {
    fc.assert(
      fc.property(moves, (list) => {
        const state = after(list);
        const waiting = state.entries.filter(({ token }) => token === undefined).map(({ owner }) => owner);
        const served: string[] = [];
        for (let turns = 0; state.entries.length > 0; turns += 1) {
          expect(turns).toBeLessThanOrEqual(owners.length * 2);
          const time = nextExpiry(state);
          expect(time).toBeLessThan(Infinity);
          served.push(...apply(state, { type: 'tick', time, wallMicros: 0n }).granted.map(({ owner }) => owner));
        }
        expect(served).toEqual(waiting);
      }),
      { numRuns: 1000 },
    );
  });
});

const at = (time: number) => ({ time, wallMicros: BigInt(time) * 1000n });
const request = (owner: string, time: number, more: Partial<QueueEvent & { type: 'request' }> = {}): QueueEvent => ({
  type: 'request',
  owner,
  mode: 'exclusive',
  ttlMs: 30_000,
  client,
  wait: true,
  steal: false,
  ...at(time),
  ...more,
});

describe('a waiter that is granted the lock', () => {
  test('keeps it by renewing within the time it has to confirm', () => {
    const state = emptyQueue();
    apply(state, request('holder', 0));
    apply(state, request('waiter', 1));
    const { granted } = apply(state, { type: 'leave', owner: 'holder', ...at(10) });
    expect(granted.map(({ owner, expiresAt }) => [owner, expiresAt])).toEqual([['waiter', 10 + CONFIRM_MS]]);
    apply(state, { type: 'renew', owner: 'waiter', ...at(9 + CONFIRM_MS) });
    expect(nextExpiry(state)).toBe(9 + CONFIRM_MS + 30_000);
  });

  test('has confirmed if its own event is what brought the grant about', () => {
    const state = emptyQueue();
    apply(state, request('dead', 0));
    apply(state, request('waiter', 1));
    apply(state, { type: 'renew', owner: 'waiter', ...at(30_000) });
    expect(nextExpiry(state)).toBe(60_000);
  });

  test('loses it to the next when it does not', () => {
    const state = emptyQueue();
    apply(state, request('holder', 0));
    apply(state, request('dead', 1));
    apply(state, request('next', 2));
    apply(state, { type: 'leave', owner: 'holder', ...at(10) });
    const { granted, ended } = apply(state, { type: 'renew', owner: 'dead', ...at(10 + CONFIRM_MS) });
    expect(ended.map(({ entry, reason }) => [entry.owner, reason])).toEqual([['dead', 'expired']]);
    expect(granted.map(({ owner }) => owner)).toEqual(['next']);
    expect(find(state, 'dead')).toBeUndefined();
  });

  test('has no longer to confirm than its own ttl', () => {
    const state = emptyQueue();
    apply(state, request('holder', 0));
    apply(state, request('brief', 1, { ttlMs: 100 }));
    apply(state, { type: 'leave', owner: 'holder', ...at(10) });
    expect(nextExpiry(state)).toBe(110);
  });
});

test('a thief takes the lock from its holders, ahead of the waiters, who stay', () => {
  const state = emptyQueue();
  apply(state, request('reader', 0, { mode: 'shared' }));
  apply(state, request('reader too', 0, { mode: 'shared' }));
  apply(state, request('waiter', 1));
  const { granted, ended } = apply(state, request('thief', 2, { steal: true }));
  expect(granted.map(({ owner }) => owner)).toEqual(['thief']);
  expect(ended.map(({ entry, reason }) => [entry.owner, reason])).toEqual([
    ['reader', 'stolen'],
    ['reader too', 'stolen'],
  ]);
  expect(state.entries.map(({ owner }) => owner)).toEqual(['thief', 'waiter']);
});

test('a request that does not wait leaves no trace when the lock is not free', () => {
  const state = emptyQueue();
  apply(state, request('holder', 0));
  const before = structuredClone(state);
  expect(apply(state, request('hasty', 0, { wait: false }))).toEqual({ granted: [], ended: [] });
  expect(state).toEqual(before);
});

test('a renewal that was late to arrive counts from when it was sent, and never shortens a hold', () => {
  const state = emptyQueue();
  apply(state, request('holder', 1000));
  apply(state, { type: 'tick', ...at(5000) });
  apply(state, { type: 'renew', owner: 'holder', ...at(2000) });
  expect(nextExpiry(state)).toBe(32_000);
  apply(state, { type: 'renew', owner: 'holder', ...at(1500) });
  expect(nextExpiry(state)).toBe(32_000);
});

test('query shows who holds and who waits, in order, with the token and since when', () => {
  const state = emptyQueue();
  apply(state, request('holder', 1000, { mode: 'semaphore', permits: 1 }));
  apply(state, request('waiter', 2000));
  const common = { name: 'name', clientId: 'client', host: 'host', pid: 1 };
  expect(snapshot('name', state)).toEqual({
    held: [{ ...common, mode: 'semaphore', permits: 1, fencingToken: 1_000_000n, since: new Date(1000) }],
    pending: [{ ...common, mode: 'exclusive', since: new Date(2000) }],
  });
});
