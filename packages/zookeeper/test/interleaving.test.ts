/** Thefts, releases and requests that are given up, at the same time and in any order. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Lock, Locks } from '@holdfast/core';
import { expect, test } from 'vitest';
import { onlooker, open, ownServer, pending, proxyFor, until } from './scene.ts';

const ROUNDS = 60;

/** The same numbers for the same seed: mulberry32. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

test(
  'never do two hold when all is settled, and tokens grow from one holder to the next',
  { timeout: 120_000 },
  async () => {
    const server = await ownServer();
    const watcher = await onlooker(server.url);
    const { proxy, url } = await proxyFor(server);
    const line = [await open(server.url), await open(server.url), await open(server.url), await open(server.url)];
    // Slow, so that much happens between the two halves of a theft.
    const thieves = [await open(url), await open(url)];
    const all = [...line, ...thieves];
    for (const thief of thieves) await (await thief.acquire('elsewhere')).release();
    proxy.delay(2);
    const random = randomFrom(8);
    for (let round = 0; round < ROUNDS; round += 1) {
      const locks: Lock[] = [];
      const aborts: AbortController[] = [];
      const ask = async (by: Locks, steal = false): Promise<void> => {
        const controller = new AbortController();
        aborts.push(controller);
        try {
          locks.push(await by.acquire('n', { steal, signal: controller.signal }));
        } catch (error) {
          if (!controller.signal.aborted) throw error;
        }
      };
      const asked: Promise<void>[] = [];
      for (const [i, by] of line.entries()) {
        asked.push(ask(by));
        await until(async () => (await pending(line[0] as Locks, 'n')) === i);
      }
      await delay(random(8));
      const released = delay(random(12)).then(() => locks[0]?.release());
      const given = random(3) === 0 ? delay(random(12)).then(() => aborts[1 + random(3)]?.abort()) : undefined;
      const stolen = thieves.slice(random(2)).map(async (thief) => {
        await delay(random(12));
        await ask(thief, true);
      });
      await Promise.all([released, given, ...stolen]);
      await settledOn(locks, all);
      const tokens: bigint[] = [];
      for (let holder = held(locks); holder !== undefined; holder = held(locks)) {
        tokens.push(holder.fencingToken);
        await holder.release();
        if ((await watcher.nodes('n')).length > 0) await settledOn(locks, all);
      }
      await Promise.all(asked);
      expect(tokens).toEqual(tokens.toSorted((a, b) => (a < b ? -1 : 1)));
      expect(new Set(locks.map(({ fencingToken }) => fencingToken)).size).toBe(locks.length);
    }
  },
);

function held(locks: readonly Lock[]): Lock | undefined {
  return locks.find((lock) => lock.held);
}

/** Resolves when one of them holds and everybody has heard of all that happened; fails if more go on holding. */
async function settledOn(locks: readonly Lock[], all: readonly Locks[]): Promise<void> {
  const holders = (): number => locks.filter((lock) => lock.held).length;
  await until(async () => {
    // An answer comes after the events of what was before. Two, because an event may lead to a question.
    for (let i = 0; i < 2; i += 1) await Promise.all(all.map((each) => each.query('n')));
    return holders() === 1;
  });
}
