import { createLocks } from '@holdfast/core';
import { expect, onTestFinished, test } from 'vitest';
import { deviation } from '../dist/contend.js';
import type { Client, Contender } from '../dist/contender.js';
import { handedOver, relayOf } from '../dist/handed-over.js';
import { crossings } from '../dist/scenarios/hand-over-processes.js';

const peer: Contender = { name: 'peer', role: 'peer', open: () => Promise.reject(new Error('Not opened here')) };
const relay = relayOf(peer, 3, true);

function client(acquire: Client['acquire']): Client {
  return { acquire, close: () => Promise.resolve() };
}

test('a hand-over that is measured has a time, of each that is asked for', async () => {
  const locks = await createLocks('memory:');
  onTestFinished(() => locks.close());
  const holding = client(async (name) => {
    const lock = await locks.acquire(name);
    return () => lock.release();
  });
  for (const hasLine of [true, false]) {
    const times = await handedOver([holding, holding], { ...relay, handOvers: 5, hasLine });
    expect(times.length).toBeGreaterThanOrEqual(5);
    for (const time of times) expect(time).toBeGreaterThan(0);
  }
});

test('what excludes nobody is no lock, and has no figure', async () => {
  const open = client(() => Promise.resolve(() => Promise.resolve()));
  await expect(handedOver([open, open], relay)).rejects.toThrow('Two held the lock at once');
});

test('a waiter that fails ends the wait of all', async () => {
  const locks = await createLocks('memory:');
  onTestFinished(() => locks.close());
  let asked = 0;
  const failing = client(async (name) => {
    asked += 1;
    if (asked === 3) throw new Error('no more');
    const lock = await locks.acquire(name);
    return () => lock.release();
  });
  await expect(handedOver([failing], { ...relay, hasLine: true })).rejects.toThrow('no more');
  expect((await locks.query()).held).toEqual([]);
});

test('between processes, what stays in one is not counted', () => {
  const first = [{ grantedAt: 0, releasedAt: 10 }];
  const a = [
    { grantedAt: 11, releasedAt: 20 },
    { grantedAt: 25, releasedAt: 30 },
  ];
  const b = [{ grantedAt: 33, releasedAt: 40 }];
  expect(crossings([first, b, a])).toEqual([1, 3]);
});

test('a grant before the release is an error', () => {
  const lists = [[{ grantedAt: 0, releasedAt: 10 }], [{ grantedAt: 9, releasedAt: 12 }]];
  expect(() => crossings(lists)).toThrow('Two held the lock at once');
});

test('the deviation is that of the client who is farthest from the mean', () => {
  expect(deviation([10, 10, 10, 10])).toBe(0);
  expect(deviation([9, 10, 10, 11])).toBe(10);
  expect(deviation([40, 0, 0, 0])).toBe(300);
  expect(deviation([0, 0])).toBe(0);
});
