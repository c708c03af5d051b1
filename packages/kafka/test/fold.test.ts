import * as fc from 'fast-check';
import { CONFIRM_MS } from '@holdfast/core/adapter';
import type { QueueEvent } from '@holdfast/core/adapter';
import { describe, expect, test } from 'vitest';
import { NaiveQueue } from '../../core/test/naive-queue.ts';
import { CheckpointPlan } from '../src/checkpoint-plan.ts';
import { partsOf } from '../src/checkpoint.ts';
import { emptyPartition, fold } from '../src/fold.ts';
import type { PartitionState } from '../src/fold.ts';
import { decode } from '../src/record.ts';
import type { Operation } from '../src/record.ts';
import { readTail } from '../src/tail.ts';
import type { LogEnd } from '../src/tail.ts';
import { canonical, foldAll, MemoryLog, PARTITIONS } from './log.ts';

const client = { id: 'client', host: 'host', pid: 1 };
const names = ['a', 'b', 'c'];
const owners = ['1', '2', '3', '4', '5', '6'];
/** Each owner asks for one name only, as a request does. */
const nameOf = (owner: string): string => names[Number(owner) % names.length] ?? 'a';
const START = 1_800_000_000_000;

const place = fc.oneof(
  { weight: 2, arbitrary: fc.constant({ mode: 'exclusive' as const }) },
  fc.constant({ mode: 'shared' as const }),
  fc.record({ mode: fc.constant('semaphore' as const), permits: fc.integer({ min: 1, max: 3 }) }),
);

const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc
      .record({
        owner: fc.constantFrom(...owners),
        place,
        ttlMs: fc.constantFrom(500, 1500, CONFIRM_MS, 30_000),
        wait: fc.boolean(),
        steal: fc.nat({ max: 5 }).map((n) => n === 0),
      })
      .map(({ owner, place: at, ttlMs, wait, steal }) => ({
        type: 'request' as const,
        name: nameOf(owner),
        owner,
        ...at,
        ttlMs,
        client,
        wait,
        steal: steal && at.mode === 'exclusive',
      })),
  },
  fc
    .uniqueArray(fc.constantFrom(...owners), { maxLength: 4 })
    .map((list) => ({ type: 'renew' as const, owners: list })),
  fc.constantFrom(...owners).map((owner) => ({ type: 'leave' as const, owner })),
  fc.uniqueArray(fc.constantFrom(...names), { maxLength: 3 }).map((list) => ({ type: 'tick' as const, names: list })),
);

/** ms by which the broker's clock moves on between two records; seldom far forward, or back. */
const pass = fc.oneof(
  { weight: 6, arbitrary: fc.nat({ max: 5 }) },
  { weight: 3, arbitrary: fc.nat({ max: 3000 }) },
  fc.integer({ min: -5000, max: 40_000 }),
);
const step = fc.record({ operation, pass, repeats: fc.nat({ max: 6 }).map((n) => (n === 0 ? 2 : 1)) });
const steps = fc.array(step, { maxLength: 80 });
type Step = { readonly operation: Operation; readonly pass: number; readonly repeats: number };

function logOf(list: readonly Step[]): MemoryLog {
  const log = new MemoryLog();
  let clock = START;
  for (const { operation: asked, pass: ms, repeats } of list) {
    clock += ms;
    for (let i = 0; i < repeats; i += 1) log.append(asked, clock);
  }
  return log;
}

async function all(log: MemoryLog): ReturnType<typeof log.read> {
  return await log.read(0, await log.end());
}

function holders(state: PartitionState, name: string): { owner: string; token: bigint | undefined }[] {
  const entries = state.queues.get(name)?.entries ?? [];
  return entries.filter(({ token }) => token !== undefined).map(({ owner, token }) => ({ owner, token }));
}

type Untimed<E> = E extends unknown ? Omit<E, 'time' | 'wallMicros'> : never;

/** The operation as events of one queue. */
function eventsOf(asked: Operation, name: string): Untimed<QueueEvent>[] {
  switch (asked.type) {
    case 'request':
      return asked.name === name ? [{ ...asked, type: 'request' }] : [];
    case 'renew':
      return asked.owners.filter((owner) => nameOf(owner) === name).map((owner) => ({ type: 'renew', owner }));
    case 'leave':
      return nameOf(asked.owner) === name ? [{ type: 'leave', owner: asked.owner }] : [];
    case 'tick':
      return asked.names.includes(name) ? [{ type: 'tick' }] : [];
    case 'checkpoint':
      return [];
  }
}

describe('whatever the records, their repetitions and the steps of the clock', () => {
  test('each name has the holders and waiters that a simple model has', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (list) => {
        const state = emptyPartition();
        const models = new Map(names.map((name) => [name, new NaiveQueue()]));
        let time = 0;
        for (const { record, appendedAt } of (await all(logOf(list))) ?? []) {
          if (record === undefined) throw new Error('A record that is not ours');
          fold(state, record, appendedAt);
          time = Math.max(time, appendedAt);
          for (const [name, model] of models) {
            // An owner that is in no queue has nothing to renew or to leave: nobody looks at the clock for it.
            const known = (owner: string): boolean =>
              model.held.has(owner) || model.waiting.some((request) => request.owner === owner);
            for (const event of eventsOf(record, name)) {
              if ((event.type === 'renew' || event.type === 'leave') && !known(event.owner)) continue;
              model.apply({ ...event, time, wallMicros: 0n });
            }
            expect(
              holders(state, name)
                .map(({ owner }) => owner)
                .sort(),
            ).toEqual([...model.held.keys()].sort());
            const waiting = state.queues.get(name)?.entries.filter(({ token }) => token === undefined) ?? [];
            expect(waiting.map(({ owner }) => owner)).toEqual(model.waiting.map(({ owner }) => owner));
          }
        }
      }),
      { numRuns: 500 },
    );
  });

  test('time never goes back, and every grant of the partition has a greater token than all before it', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (list) => {
        const state = emptyPartition();
        let [token, time] = [0n, 0];
        for (const { record, appendedAt } of (await all(logOf(list))) ?? []) {
          for (const { granted } of record === undefined ? [] : fold(state, record, appendedAt)) {
            for (const entry of granted) {
              expect(entry.token).toBeGreaterThan(token);
              expect(entry.token).toBeLessThan(2n ** 63n);
              token = entry.token ?? 0n;
            }
          }
          expect(state.time).toBeGreaterThanOrEqual(time);
          time = state.time;
        }
      }),
      { numRuns: 500 },
    );
  });

  test('tokens go on when the topic was deleted and made anew, as long as the clock does', async () => {
    await fc.assert(
      fc.asyncProperty(steps, steps, async (before, after) => {
        const old = emptyPartition();
        foldAll((await all(logOf(before))) ?? [], old);
        const fresh = emptyPartition();
        const placed = (await all(logOf(after))) ?? [];
        const later = placed.map((one) => ({ ...one, appendedAt: one.appendedAt + old.time - START + 1_000_000 }));
        const [first] = foldAll(later, fresh)
          .flat()
          .flatMap(({ granted }) => granted);
        if (first !== undefined) expect(first.token).toBeGreaterThan(old.token);
      }),
      { numRuns: 300 },
    );
  });
});

describe('who comes late', () => {
  test('has the state of those who have read everything, from whatever checkpoint, and however late that arrived', async () => {
    await fc.assert(
      fc.asyncProperty(steps, steps, steps, fc.boolean(), async (before, meanwhile, after, deletes) => {
        const log = new MemoryLog();
        const full = emptyPartition();
        let clock = START;
        const add = (list: readonly Step[]): void => {
          for (const { operation: asked, pass: ms } of list) fold(full, log.append(asked, (clock += ms)).record, clock);
        };
        add(before);
        const { last } = log;
        const parts = partsOf(full, last, 'checkpoint');
        add(meanwhile);
        for (const part of parts) fold(full, log.append({ type: 'checkpoint', ...part }, clock).record, clock);
        add(after);
        if (deletes) log.deleteBefore(last.offset + 1);
        const tail = await readTail(log);
        foldAll(tail.rest, tail.state);
        expect(canonical(tail.state)).toEqual(canonical(full));
        expect(tail.next).toBe(await log.end());
      }),
      { numRuns: 500 },
    );
  });

  test('does not start from a checkpoint whose writer had folded what an election took back', async () => {
    const lost = fc.array(step, { minLength: 1, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(steps, lost, steps, steps, async (before, gone, meanwhile, after) => {
        const log = new MemoryLog();
        let clock = START;
        const add = (list: readonly Step[]): void => {
          for (const { operation: asked, pass: ms } of list) log.append(asked, (clock += ms));
        };
        add(before);
        const kept = await log.end();
        add(gone);
        const misled = emptyPartition();
        foldAll((await all(log)) ?? [], misled);
        const parts = partsOf(misled, log.last, 'misled');
        log.takeBack(kept);
        add(meanwhile);
        for (const part of parts) log.append({ type: 'checkpoint', ...part }, clock);
        add(after);
        const full = emptyPartition();
        foldAll((await all(log)) ?? [], full);
        const tail = await readTail(log);
        foldAll(tail.rest, tail.state);
        expect(canonical(tail.state)).toEqual(canonical(full));
      }),
      { numRuns: 300 },
    );
  });

  test('reads again when records are deleted, or taken back, while it reads', async () => {
    const log = new MemoryLog();
    const ask = (owner: string): Operation => {
      return {
        type: 'request',
        name: owner,
        owner,
        mode: 'exclusive',
        ttlMs: 30_000,
        client,
        wait: true,
        steal: false,
      };
    };
    for (let i = 0; i < 3000; i += 1) log.append(ask(`${i}`), START + i);
    log.deleteBefore(2000);
    let starts = 0;
    const deleting: LogEnd = {
      end: () => log.end(),
      read: (from, to) => log.read(from, to),
      start: async () => {
        const start = await log.start();
        if ((starts += 1) < 5) log.deleteBefore(start + 100);
        return start;
      },
    };
    const tail = await readTail(deleting);
    expect(tail.rest).toHaveLength(600);
    expect(tail.rest.at(-1)?.offset).toBe(2999);
    let ends = 0;
    const shrinking: LogEnd = {
      start: () => log.start(),
      read: async (from, to) => (from > (await log.end()) ? undefined : await log.read(from, to)),
      end: () => ((ends += 1) === 1 ? Promise.resolve(20_000) : log.end()),
    };
    expect((await readTail(shrinking)).next).toBe(3000);
  });

  test('does not start from a checkpoint of which a part is missing', async () => {
    const log = new MemoryLog();
    const full = emptyPartition();
    for (let i = 0; i < 2000; i += 1) {
      const owner = `${i}`;
      const request = {
        name: `n${i}`,
        owner,
        mode: 'exclusive' as const,
        ttlMs: 30_000,
        client,
        wait: true,
        steal: false,
      };
      fold(full, log.append({ type: 'request', ...request }, START + i).record, START + i);
    }
    const parts = partsOf(full, log.last, 'checkpoint');
    expect(parts.length).toBeGreaterThan(1);
    for (const part of parts.slice(1)) fold(full, log.append({ type: 'checkpoint', ...part }, START).record, START);
    const tail = await readTail(log);
    expect(tail.checkpointAt).toBe(-1);
    foldAll(tail.rest, tail.state);
    expect(canonical(tail.state)).toEqual(canonical(full));
  });

  test.each([100_000, 5000])(
    'reads a bounded tail of %i records, though every third writer dies before its checkpoint',
    async (count) => {
      const log = new MemoryLog();
      const full = emptyPartition();
      const plan = new CheckpointPlan(Infinity);
      let due = 0;
      for (let i = 0; i < count; i += 1) {
        const owner = `${Math.floor(i / 2)}`;
        const asked: Operation =
          i % 2 === 0
            ? {
                type: 'request',
                name: owner,
                owner,
                mode: 'exclusive',
                ttlMs: 30_000,
                client,
                wait: true,
                steal: false,
              }
            : { type: 'leave', owner };
        const { record, offset } = log.append(asked, START + i);
        fold(full, record, START + i);
        if (!plan.due(record, offset, full)) continue;
        due += 1;
        if (due % 3 === 0) continue;
        for (const part of partsOf(full, log.last, `${offset}`)) {
          const written = log.append({ type: 'checkpoint', ...part }, START + i);
          plan.due(written.record, written.offset, full);
        }
      }
      const tail = await readTail(log);
      foldAll(tail.rest, tail.state);
      expect(canonical(tail.state)).toEqual(canonical(full));
      expect(tail.read).toBeLessThanOrEqual(3000);
    },
  );
});

/**
 * A lock that is held for weeks and renewed seldom, a waiter that writes nothing, some traffic of others, and a broker that deletes
 * whatever is older than the retention: each client has to write a checkpoint in time.
 */
test('retention never deletes what somebody who comes late would need', async () => {
  const RETENTION_MS = 4_000_000;
  const LONGEST_TTL_MS = RETENTION_MS / 4;
  const others = fc.array(fc.record({ pass: fc.nat({ max: 900_000 }), leaves: fc.boolean() }), { maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(others, fc.integer({ min: 100_000, max: LONGEST_TTL_MS }), async (list, ttlMs) => {
      const log = new MemoryLog();
      const full = emptyPartition();
      const plans = new Map(
        ['holder', 'waiter', 'other'].map((session) => [session, new CheckpointPlan(LONGEST_TTL_MS)]),
      );
      const times: number[] = [];
      let now = START;
      const write = (session: string, asked: Operation): void => {
        const { record, offset } = log.append(asked, now, session);
        times.push(now);
        fold(full, record, now);
        const due = [...plans].filter(([, plan]) => plan.due(record, offset, full)).map(([client]) => client);
        if (!due.includes(session)) return;
        for (const part of partsOf(full, log.last, `${offset}`)) write(session, { type: 'checkpoint', ...part });
      };
      const request = { name: 'a', mode: 'exclusive' as const, ttlMs, client, wait: true, steal: false };
      write('holder', { type: 'request', owner: 'holder', ...request });
      write('waiter', { type: 'request', owner: 'waiter', ...request });
      const everyMs = Math.floor(ttlMs / 3);
      let renewAt = START + everyMs;
      for (const [i, { pass: ms, leaves }] of list.entries()) {
        const until = now + ms;
        for (; renewAt <= until; renewAt += everyMs) {
          now = renewAt;
          write('holder', { type: 'renew', owners: ['holder'] });
        }
        now = until;
        write('other', { type: 'request', owner: `${i}`, ...request, name: 'b', wait: false });
        if (leaves) write('other', { type: 'leave', owner: `${i}` });
        log.deleteBefore(times.findIndex((time) => time >= now - RETENTION_MS));
        const tail = await readTail(log);
        foldAll(tail.rest, tail.state);
        expect(canonical(tail.state)).toEqual(canonical(full));
        expect(full.names.has('waiter')).toBe(true);
      }
    }),
    { numRuns: 100 },
  );
});

/**
 * Real time, of which the records know nothing: a holder counts from when it sent its proof, less the allowance for steps of the
 * broker's clock, and must not think that it holds once the log has given its lock away.
 */
test('no hold ends in the log before its holder says so, if the clock goes forward by no more than the allowance', () => {
  const SKEW_MS = 100;
  const move = fc.record({
    owner: fc.constantFrom(...owners),
    what: fc.constantFrom('request', 'renew', 'tick', 'request', 'renew'),
    pass: fc.nat({ max: 400 }),
    underWay: fc.nat({ max: 300 }),
    ttlMs: fc.constantFrom(500, 1000, 3000),
    clockStep: fc.oneof({ weight: 8, arbitrary: fc.constant(0) }, fc.integer({ min: -2000, max: 30 })),
  });
  fc.assert(
    fc.property(fc.array(move, { maxLength: 80 }), (moves) => {
      const log = new MemoryLog();
      const state = emptyPartition();
      const certainUntil = new Map<string, number>();
      let [real, ahead, forward] = [0, 0, 0];
      for (const { owner, what, pass: ms, underWay, ttlMs, clockStep } of moves) {
        real += ms;
        // All forward steps together stay within the allowance: the strictest reading of it.
        if (clockStep > 0 && forward + clockStep > SKEW_MS) continue;
        forward += Math.max(clockStep, 0);
        ahead += clockStep;
        const sentAt = real - underWay;
        const asked: Operation =
          what === 'request'
            ? { type: 'request', name: 'a', owner, mode: 'exclusive', ttlMs, client, wait: true, steal: false }
            : what === 'renew'
              ? { type: 'renew', owners: [owner] }
              : { type: 'tick', names: ['a'] };
        const appendedAt = START + real + ahead;
        const changes = fold(state, log.append(asked, appendedAt).record, appendedAt);
        for (const { ended, granted } of changes) {
          for (const { entry } of ended) {
            expect(real).toBeGreaterThanOrEqual(certainUntil.get(entry.owner) ?? 0);
            certainUntil.delete(entry.owner);
          }
          for (const entry of granted) {
            const own = asked.type === 'request' && asked.owner === entry.owner;
            certainUntil.set(
              entry.owner,
              own ? sentAt + entry.ttlMs - SKEW_MS : real + Math.min(entry.ttlMs, CONFIRM_MS) - SKEW_MS,
            );
          }
        }
        const renewed = state.queues.get('a')?.entries.find((entry) => entry.owner === owner);
        if (asked.type === 'renew' && renewed?.token !== undefined) {
          certainUntil.set(owner, Math.max(certainUntil.get(owner) ?? 0, sentAt + renewed.ttlMs - SKEW_MS));
        }
      }
    }),
    { numRuns: 2000 },
  );
});

describe('what others write into the topic', () => {
  const ours = operation.map((asked) => ({ version: 1, session: 's', number: 1, partitions: PARTITIONS, ...asked }));
  const checkpoint = fc.record({ time: fc.nat(), token: fc.bigInt({ min: 0n }).map(String) }).map((part) => ({
    ...{ version: 1, session: 's', number: 1, partitions: PARTITIONS, type: 'checkpoint' },
    ...{ at: 0, epoch: 0, appendedAt: START, id: 'id', part: 0, parts: 1, entries: [{ name: 'a' }], ...part },
  }));
  /** Records of ours with one thing wrong, and other people's. */
  const almost = fc
    .tuple(fc.oneof(ours, checkpoint), fc.nat({ max: 20 }), fc.oneof(fc.constant(undefined), fc.jsonValue()))
    .map(([record, at, value]) => {
      const key = Object.keys(record)[at % Object.keys(record).length] ?? '';
      // A later version of ours is to be refused, not skipped.
      return key === 'version' && Number(value) > 1 ? record : { ...record, [key]: value };
    });
  const bytes = fc.oneof(
    almost.map((value) => Buffer.from(JSON.stringify(value))),
    fc.jsonValue().map((value) => Buffer.from(JSON.stringify(value))),
    fc.uint8Array().map((value) => Buffer.from(value)),
  );

  test('stops nobody from folding, nor from starting', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(bytes, step), { maxLength: 40 }), async (list) => {
        const log = new MemoryLog();
        for (const [i, one] of list.entries()) {
          if (Buffer.isBuffer(one)) log.appendBytes(one, START + i);
          else log.append(one.operation, START + i);
        }
        const tail = await readTail(log);
        foldAll(tail.rest, tail.state);
      }),
      { numRuns: 2000 },
    );
  });

  test('is not taken for a later version of ours', () => {
    expect(decode(Buffer.from('{"version":7,"type":"OrderCreated"}'))).toBeUndefined();
    const later = { version: 7, session: 's', number: 0, partitions: 16, type: 'pause' };
    expect(() => decode(Buffer.from(JSON.stringify(later)))).toThrow('records of version 7');
  });
});

test('records of a client that spreads names over another number of partitions do not count', () => {
  const log = new MemoryLog();
  const state = emptyPartition();
  const request = {
    type: 'request',
    name: 'a',
    mode: 'exclusive',
    ttlMs: 30_000,
    client,
    wait: true,
    steal: false,
  } as const;
  fold(state, log.append({ ...request, owner: '1' }, START).record, START);
  const { record } = log.append({ ...request, owner: '2' }, START);
  expect(fold(state, { ...record, partitions: 24 }, START)).toEqual([]);
  expect(state.names.has('2')).toBe(false);
});
