import { createLocks } from '@holdfast/core';
import { CONFIRM_MS } from '@holdfast/core/adapter';
import { memory, memorySpace } from '@holdfast/memory';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import { join, split } from '../src/shared/bucket.ts';
import { Cells } from '../src/shared/cells.ts';
import { BUCKETS, Layout } from '../src/shared/layout.ts';
import { takePlace } from '../src/shared/places.ts';
import { step } from '../src/space.ts';

const SLACK_MS = 2000;

function start(workerData: Record<string, unknown>): Worker {
  return new Worker(new URL('threads/worker.mjs', import.meta.url), { workerData });
}

async function message(worker: Worker, kind: string): Promise<unknown[]> {
  for (;;) {
    const [received] = (await once(worker, 'message')) as [unknown[]];
    if (received[0] === kind) return received;
  }
}

async function exit(worker: Worker): Promise<void> {
  const [code] = (await once(worker, 'exit')) as [number];
  expect(code).toBe(0);
}

/** Strictly increasing, and as many as there were rounds. */
function expectOrdered(tokens: BigInt64Array): void {
  for (let i = 1; i < tokens.length; i += 1) expect(tokens[i]).toBeGreaterThan(tokens[i - 1] as bigint);
}

test.each([
  ['one name', 'count', {}],
  ['one permit', 'count', { permits: 1 }],
])(
  'eight threads that count under %s lose no update, and their tokens grow in the order of entry',
  async (_what, name, options) => {
    const rounds = 200;
    const counter = new Int32Array(new SharedArrayBuffer(4));
    const tokens = new BigInt64Array(new SharedArrayBuffer(8 * 8 * rounds));
    const space = memorySpace();
    const workers = Array.from({ length: 8 }, () =>
      start({ task: 'count', space, name, options, counter, tokens, rounds }),
    );
    await Promise.all(workers.map(exit));
    expect(counter[0]).toBe(8 * rounds);
    expectOrdered(tokens);
  },
);

test('a thread created later finds the space by its URL', async () => {
  memorySpace({ name: 'by url' });
  const url = 'memory:by%20url?shared=true';
  await using locks = await createLocks(url);
  const worker = start({ task: 'hold', url, name: 'name' });
  await message(worker, 'held');
  expect(await locks.tryAcquire('name')).toBeNull();
  worker.postMessage('go');
  await using lock = await locks.acquire('name', { timeout: SLACK_MS });
  expect(lock.held).toBe(true);
  await exit(worker);
});

test('a thread that reads a bucket while others change it never sees half of a value', async () => {
  const space = memorySpace({ bucketBytes: 65_536 });
  const rounds = 5000;
  const reader = new Cells(new Layout(space), takePlace(new Layout(space)));
  const writers = Array.from(
    { length: 2 },
    () => new Worker(new URL('threads/cells-worker.mjs', import.meta.url), { workerData: { space, rounds } }),
  );
  const done = Promise.all(writers.map(exit));
  let last = 0;
  while (last < 2 * rounds) {
    for (let i = 0; i < 50; i += 1) {
      const { bytes } = reader.read(0);
      if (bytes.length === 0) continue;
      const count = bytes.readUInt32LE(0);
      expect(count).toBeGreaterThanOrEqual(last);
      expect(bytes.length).toBe(reader.capacity - 8 * (count % 256));
      expect(bytes.subarray(4).equals(Buffer.alloc(bytes.length - 4, count % 256))).toBe(true);
      last = count;
    }
    await new Promise(setImmediate);
  }
  await done;
  expect(last).toBe(2 * rounds);
});

describe('a thread that is terminated', () => {
  test('at any moment of its work never wedges the others, nor uses the space up', async () => {
    // Fewer places than threads in the course of the test: those of the dead are taken back.
    const space = memorySpace({ backends: 12 });
    await using locks = await createLocks(memory({ space }));
    const options = { ttl: 200 };
    let last = 0n;
    for (let round = 0; round < 12; round += 1) {
      const workers = Array.from({ length: 3 }, () => start({ task: 'hammer', space, name: 'hammer', options }));
      await Promise.all(workers.map((worker) => once(worker, 'message')));
      for (const [i, worker] of workers.entries()) {
        await delay((round * 7 + i * 5) % 13);
        await worker.terminate();
      }
      for (let i = 0; i < 4; i += 1) {
        await using lock = await locks.acquire(`hammer ${i}`, { ...options, timeout: 15_000 });
        expect(lock.fencingToken).toBeGreaterThan(last);
        last = lock.fencingToken;
      }
    }
    expect(await locks.query()).toEqual({ held: [], pending: [] });
  }, 60_000);

  test('while it holds the lock keeps the others out for its ttl and no longer', async () => {
    const space = memorySpace();
    await using locks = await createLocks(memory({ space }));
    const worker = start({ task: 'hold', space, name: 'dead', options: { ttl: 500 } });
    const [, token] = await message(worker, 'held');
    await worker.terminate();
    const startedAt = performance.now();
    await using lock = await locks.acquire('dead');
    expect(performance.now() - startedAt).toBeLessThan(500 + SLACK_MS);
    expect(lock.fencingToken).toBeGreaterThan(token as bigint);
  });

  test('while it waits delays the next by the time it would have had to confirm', async () => {
    const space = memorySpace();
    await using locks = await createLocks(memory({ space }));
    const held = await locks.acquire('queue');
    const worker = start({ task: 'hold', space, name: 'queue' });
    await waitFor(async () => (await locks.query('queue')).pending.length === 1);
    const next = locks.acquire('queue');
    await worker.terminate();
    await held.release();
    const startedAt = performance.now();
    await using lock = await next;
    expect(lock.held).toBe(true);
    expect(performance.now() - startedAt).toBeLessThan(CONFIRM_MS + SLACK_MS);
  });

  test('between granting a lock to a waiter and telling it does not leave the waiter asleep', async () => {
    const space = memorySpace();
    await using locks = await createLocks(memory({ space }));
    const held = await locks.acquire('untold');
    const next = locks.acquire('untold', { timeout: 10_000 });
    await waitFor(async () => (await locks.query('untold')).pending.length === 1);
    // What a releasing thread does, up to its last instruction.
    const layout = new Layout(space);
    const cells = new Cells(layout, takePlace(layout));
    const granted = Array.from({ length: BUCKETS }, (_, bucket) => {
      const seen = cells.read(bucket);
      const time = performance.timeOrigin;
      const parts = split(seen.bytes, 'untold', 0);
      const [holder] = parts.queue.entries;
      if (holder === undefined) return [];
      const { change } = step(parts.queue, {
        type: 'leave',
        owner: holder.owner,
        time: parts.queue.time,
        wallMicros: BigInt(Math.floor(time)),
      });
      expect(cells.publish(bucket, seen, join('untold', parts))).toBe(true);
      return change.granted;
    }).flat();
    expect(granted).toHaveLength(1);
    await using lock = await next;
    expect(lock.fencingToken).toBe(granted[0]?.token);
    await held.release();
    expect(lock.held).toBe(true);
  });
});

describe('a thread that is frozen', () => {
  test('while it holds learns of its loss when it wakes, and the lock has gone on meanwhile', async () => {
    const space = memorySpace();
    const gate = new Int32Array(new SharedArrayBuffer(4));
    await using locks = await createLocks(memory({ space }));
    const worker = start({ task: 'holdFrozen', space, gate, name: 'frozen', options: { ttl: 300 } });
    const [, token] = await message(worker, 'held');
    await using lock = await locks.acquire('frozen', { timeout: 300 + SLACK_MS });
    expect(lock.fencingToken).toBeGreaterThan(token as bigint);
    const lost = message(worker, 'lost');
    const exited = exit(worker);
    Atomics.store(gate, 0, 1);
    Atomics.notify(gate, 0);
    expect(await lost).toEqual(['lost', 'LOCK_LOST']);
    await exited;
    expect(lock.held).toBe(true);
  });

  test('through its own grant goes back into the queue, and gets the lock alive', async () => {
    const space = memorySpace();
    const gate = new Int32Array(new SharedArrayBuffer(4));
    await using locks = await createLocks(memory({ space }));
    const held = await locks.acquire('asleep');
    const worker = start({ task: 'waitFrozen', space, gate, name: 'asleep' });
    await waitFor(async () => (await locks.query('asleep')).pending.length === 1);
    const next = locks.acquire('asleep');
    await held.release();
    const lock = await next;
    const woken = message(worker, 'held');
    Atomics.store(gate, 0, 1);
    Atomics.notify(gate, 0);
    await waitFor(async () => (await locks.query('asleep')).pending.length === 1);
    await lock.release();
    const [, token, remainingMs] = await woken;
    expect(token).toBeGreaterThan(lock.fencingToken);
    expect(remainingMs).toBeGreaterThan(20_000);
  });
});

test('threads hand the lock to each other by message: a thousand times in less time than looking would take', async () => {
  const rounds = 250;
  const counter = new Int32Array(new SharedArrayBuffer(4));
  const tokens = new BigInt64Array(new SharedArrayBuffer(8 * 4 * rounds));
  const space = memorySpace();
  const startedAt = performance.now();
  const workers = Array.from({ length: 4 }, () =>
    start({ task: 'count', space, name: 'ping', counter, tokens, rounds }),
  );
  await Promise.all(workers.map(exit));
  expectOrdered(tokens);
  // A waiter looks twice a second; a thousand hand-overs that waited for that would take minutes.
  expect(performance.now() - startedAt).toBeLessThan(20_000);
});

test('a process that closed nothing ends by itself', async () => {
  const script = fileURLToPath(new URL('threads/idle.mjs', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [script], { timeout: 20_000 });
  expect(stdout.split('\n').filter(Boolean).sort()).toEqual(['main', 'worker']);
});

async function waitFor(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await delay(5);
}
