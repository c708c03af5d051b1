import * as fc from 'fast-check';
import { apply, emptyQueue, snapshot } from '@holdfast/core/adapter';
import type { QueueEvent, QueueState } from '@holdfast/core/adapter';
import { describe, expect, test } from 'vitest';
import { join, queuesOf, split } from '../src/shared/bucket.ts';
import { step } from '../src/space.ts';

const names = ['a', 'ä', 'a\u0301', '名前', 'x'.repeat(1000)];
const client = { id: 'client-é', host: 'host', pid: 4_000_000_000 };

const place = fc.oneof(
  fc.constant({ mode: 'exclusive' as const }),
  fc.constant({ mode: 'shared' as const }),
  fc.record({ mode: fc.constant('semaphore' as const), permits: fc.integer({ min: 1, max: 2 ** 40 }) }),
);
const action = fc.record({
  name: fc.constantFrom(...names),
  owner: fc.constantFrom('0:p', '1:q', '2:r', '3:ö', '4:t'),
  type: fc.constantFrom('request', 'request', 'renew', 'leave', 'tick' as const),
  place,
  ttlMs: fc.integer({ min: 10, max: 2 ** 31 - 1 }),
  wait: fc.boolean(),
  steal: fc.boolean(),
  pass: fc.oneof(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 2 ** 31 })),
});
type Action = typeof action extends fc.Arbitrary<infer A> ? A : never;

function eventOf({ type, owner, place: { mode }, place: given, ttlMs, wait, steal }: Action, time: number): QueueEvent {
  const at = { time, wallMicros: BigInt(Math.floor(time * 1000)) };
  if (type === 'tick') return { type, ...at };
  if (type !== 'request') return { type, owner, ...at };
  const permits = 'permits' in given ? given.permits : undefined;
  return { type, owner, mode, permits, ttlMs, client, wait, steal: steal && mode === 'exclusive', ...at };
}

const request = (owner: string, time: number): QueueEvent => ({
  type: 'request',
  owner,
  mode: 'exclusive',
  ttlMs: 100,
  client,
  wait: true,
  steal: false,
  time,
  wallMicros: 0n,
});

describe('the bytes of a bucket', () => {
  test('hold the same queues as the state machine alone, and only a request makes them longer', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 80 }), (actions) => {
        const plain = new Map<string, QueueState>();
        let bytes: Buffer = Buffer.alloc(0);
        let time = 1;
        const lastToken = new Map<string, bigint>();
        for (const act of actions) {
          time += act.pass;
          const event = eventOf(act, time);
          const queue = plain.get(act.name) ?? emptyQueue();
          // A bucket adds a floor to the tokens, and forgets a queue that time alone has emptied.
          for (const [name, other] of plain) {
            if (name !== act.name && other.entries.every(({ expiresAt }) => expiresAt <= time)) plain.delete(name);
          }
          const parts = split(bytes, act.name, time);
          queue.token = parts.queue.token;
          plain.set(act.name, queue);
          const expected = apply(queue, event);
          const { change } = step(parts.queue, event);
          expect(change.granted.map(({ owner, token }) => [owner, token])).toEqual(
            expected.granted.map(({ owner, token }) => [owner, token]),
          );
          expect(change.ended.map(({ entry, reason }) => [entry.owner, reason])).toEqual(
            expected.ended.map(({ entry, reason }) => [entry.owner, reason]),
          );
          for (const { token = 0n } of change.granted) {
            expect(token).toBeGreaterThan(lastToken.get(act.name) ?? 0n);
            lastToken.set(act.name, token);
          }
          const next = join(act.name, parts);
          if (act.type !== 'request' && bytes.length > 0) expect(next.length).toBeLessThanOrEqual(bytes.length);
          bytes = next;
          const stored = new Map(queuesOf(bytes, () => true));
          const queueNow = stored.get(act.name);
          expect(queueNow === undefined ? { held: [], pending: [] } : snapshot(act.name, queueNow)).toEqual(
            snapshot(act.name, queue),
          );
        }
      }),
      { numRuns: 200 },
    );
  });

  test('a name whose holder never came back takes no room once its time is up, and its token is not given out again', () => {
    const enter = (bytes: Buffer, name: string, time: number) => {
      const parts = split(bytes, name, time);
      const { entry } = step(parts.queue, request('0:x', time));
      return { bytes: join(name, parts), token: entry?.token };
    };
    let state = { bytes: Buffer.alloc(0) as Buffer, token: undefined as bigint | undefined };
    for (let i = 0; i < 50; i += 1) state = enter(state.bytes, `dead ${i}`, i);
    const full = state.bytes.length;
    state = enter(state.bytes, 'fresh', 1000);
    expect(state.bytes.length).toBeLessThan(full / 20);
    expect(state.token).toBe(2n);
    // The wall clock stands at 0 all the while: the floor alone keeps this name's second token above its first.
    state = enter(state.bytes, 'fresh', 2000);
    expect(state.token).toBe(3n);
  });
});
