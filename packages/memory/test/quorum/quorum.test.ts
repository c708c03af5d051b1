import { randomUUID } from 'node:crypto';
import { createLocks, quorum } from '@holdfast/core';
import type { Grant, Lock, LockBackend, Locks } from '@holdfast/core';
import { memory } from '@holdfast/memory';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Gated, until } from './gated.ts';

const NAME = 'invoice:42';

interface Quorum {
  readonly members: readonly Gated[];
  /** One more client over the same members, in another order if wanted. */
  open(members?: readonly Gated[]): Promise<Locks>;
}

function quorumOf(size: number): Quorum {
  const members = Array.from({ length: size }, () => new Gated(randomUUID()));
  return { members, open: (some = members) => createLocks(quorum(some.map(({ backend }) => backend))) };
}

function at<T>(items: readonly T[], i: number): T {
  const item = items[i];
  if (item === undefined) throw new Error(`There is no ${i}`);
  return item;
}

const allFree = async (members: readonly Gated[]): Promise<boolean> =>
  (await Promise.all(members.map((member) => member.isFree(NAME)))).every(Boolean);

const freeCount = async (members: readonly Gated[]): Promise<number> =>
  (await Promise.all(members.map((member) => member.isFree(NAME)))).filter(Boolean).length;

test('a lock is granted, renewed and released while two of five members hang', async () => {
  const { members, open } = quorumOf(5);
  const locks = await open();
  const hung = members.slice(3);
  const resume = hung.flatMap((member) => [member.block('acquire'), member.block('release')]);
  const lock = await locks.acquire(NAME);
  await lock.renew();
  await lock.release();
  expect(await freeCount(members)).toBe(5);
  // What arrives at them only now is given back: nothing of it stays.
  for (const go of resume) go();
  await until(() => hung.every(({ asked }) => asked.includes('release')));
  await until(() => allFree(members));
  await locks.close();
});

test('a grant that comes later than the majority is a vote of the hold: it holds without those that came first', async () => {
  const { members, open } = quorumOf(5);
  const [locks, other] = [await open(), await open()];
  const late = members.slice(3);
  const resume = late.map((member) => member.hold('acquire'));
  const lock = await locks.acquire(NAME, { ttl: 1500 });
  for (const go of resume) go();
  // They have voted once their answers have been read, which takes no longer than a turn of the event loop.
  await delay(1);
  for (const member of members.slice(0, 2)) member.isDown = true;
  await delay(2500);
  expect(lock.held).toBe(true);
  await lock.renew();
  for (const member of members.slice(0, 2)) member.isDown = false;
  expect(await other.tryAcquire(NAME)).toBeNull();
  await lock.release();
  await locks.close();
  await other.close();
});

test('a refused try gives back what it was granted, also by a member that answers much later', async () => {
  const { members, open } = quorumOf(5);
  const [holder, other] = [await open(), await open()];
  const away = members.slice(3);
  for (const member of away) member.isDown = true;
  const lock = await holder.acquire(NAME);
  for (const member of away) member.isDown = false;
  const resume = at(members, 4).hold('acquire');
  expect(await other.tryAcquire(NAME)).toBeNull();
  expect(await at(members, 3).isFree(NAME)).toBe(true);
  expect(await at(members, 4).isFree(NAME)).toBe(false);
  resume();
  await until(() => at(members, 4).isFree(NAME));
  expect(lock.held).toBe(true);
  await lock.release();
  await Promise.all([holder.close(), other.close()]);
});

test('three contenders who were granted one vote each all get the lock', async () => {
  const { members, open } = quorumOf(3);
  const contenders = await Promise.all([open(), open(), open()]);
  const work: Promise<Lock>[] = [];
  const resume: (() => void)[] = [];
  for (const [i, locks] of contenders.entries()) {
    // This one arrives at member i, while all others are still on their way to it.
    for (const member of members) resume.push(member.block('acquire'));
    at(members, i).admit('acquire');
    work.push(locks.acquire(NAME));
    await until(async () => !(await at(members, i).isFree(NAME)));
  }
  for (const member of members) member.admit('acquire');
  expect(await freeCount(members)).toBe(0);
  for (const go of resume) go();
  const tokens: bigint[] = [];
  await Promise.all(
    work.map(async (granted) => {
      const lock = await granted;
      tokens.push(lock.fencingToken);
      await lock.release();
    }),
  );
  expect(tokens).toHaveLength(3);
  expect(tokens.toSorted((a, b) => (a < b ? -1 : 1))).toEqual(tokens);
  await until(() => allFree(members));
  await Promise.all(contenders.map((locks) => locks.close()));
});

test('the token grows though the next majority has but one member of the last, whose own count was behind', async () => {
  const { members, open } = quorumOf(3);
  const locks = await open();
  const [ahead, middle, behind] = [at(members, 0), at(members, 1), at(members, 2)];
  await runAhead(ahead, 10n ** 6n * 3600n);
  const tokens: bigint[] = [];
  for (const down of [behind, ahead, middle, ahead, behind]) {
    down.isDown = true;
    const lock = await locks.acquire(NAME);
    tokens.push(lock.fencingToken);
    await lock.release();
    down.isDown = false;
  }
  for (let i = 1; i < tokens.length; i += 1) expect(at(tokens, i) > at(tokens, i - 1)).toBe(true);
  await locks.close();
});

/** One member's count is so far ahead of the others. */
async function runAhead({ backend }: Gated, by: bigint): Promise<void> {
  const grant = await take(backend);
  expect(await backend.voting?.raise(grant, grant.fencingToken + by)).toBe(true);
  await backend.release(grant);
  expect(await backend.voting?.raise(grant, grant.fencingToken + 2n * by)).toBe(false);
}

async function take(backend: LockBackend): Promise<Grant> {
  const request = { name: NAME, owner: randomUUID(), mode: 'exclusive', ttlMs: 60_000, wait: false } as const;
  const { signal } = new AbortController();
  const client = { id: 'test', host: 'test', pid: 1 };
  const rest = { steal: false, renew: false, signal, aborted: false, client, onContended: () => undefined };
  const grant = await backend.acquire({ ...request, ...rest });
  if (grant === null) throw new Error('It is not free');
  return grant;
}

test('a ballot is over once the members that have not answered yet could not make up for a vote that failed', async () => {
  const { members, open } = quorumOf(5);
  const locks = await open();
  await runAhead(at(members, 0), 10n ** 9n);
  const others = members.slice(3);
  const taken = await Promise.all(others.map(({ backend }) => take(backend)));
  const answer = others.map((member) => member.hold('acquire'));
  const fail = at(members, 1).block('raise');
  const attempt = locks.tryAcquire(NAME, { ttl: '1h' });
  await until(() => at(members, 1).asked.includes('raise'));
  at(members, 1).isDown = true;
  fail();
  await delay(1);
  for (const go of answer) go();
  expect(await attempt).toBeNull();
  await Promise.all(others.map(({ backend }, i) => backend.release(at(taken, i))));
  await locks.close();
});

test('a vote that is over before its member knew the token does not count', async () => {
  const { members, open } = quorumOf(3);
  const [locks, other] = [await open(), await open()];
  await runAhead(at(members, 0), 10n ** 9n);
  at(members, 2).isDown = true;
  const resume = at(members, 1).block('raise');
  const work = locks.tryAcquire(NAME, { ttl: 300 }).catch((error: { code?: unknown }) => error.code);
  expect(await work).toBe('BACKEND_UNAVAILABLE');
  at(members, 2).isDown = false;
  // The late raise finds the vote gone, and tells nothing of a success.
  const next = await other.acquire(NAME);
  resume();
  await until(() => at(members, 1).asked.filter((each) => each === 'release').length > 0);
  expect(next.held).toBe(true);
  await next.release();
  await Promise.all([locks.close(), other.close()]);
});

test('who waits asks again when a majority granted too slowly for its ttl', async () => {
  const { members, open } = quorumOf(3);
  const locks = await open();
  await runAhead(at(members, 0), 10n ** 9n);
  at(members, 2).isDown = true;
  const resume = at(members, 1).block('raise');
  const work = locks.acquire(NAME, { ttl: 300 });
  await until(() => at(members, 1).asked.includes('raise'));
  await delay(500);
  resume();
  const lock = await work;
  expect(lock.held).toBe(true);
  await lock.release();
  await locks.close();
});

test('a hold is lost in time when a majority is out of reach, and outlasts a minority that is', async () => {
  const { members, open } = quorumOf(5);
  const locks = await open();
  const lock = await locks.acquire(NAME, { ttl: 1500 });
  for (const member of members.slice(0, 2)) member.isDown = true;
  await delay(2500);
  expect(lock.held).toBe(true);
  at(members, 2).isDown = true;
  await lost(lock);
  expect(lock.held).toBe(false);
  await locks.close().catch(() => undefined);
});

test('a hold is lost as soon as a majority of its votes is gone, long before its ttl is over', async () => {
  const { members, open } = quorumOf(5);
  const locks = await open();
  const lock = await locks.acquire(NAME, { ttl: '1h' });
  await Promise.all(members.slice(0, 2).map((member) => member.rob(NAME)));
  expect(lock.held).toBe(true);
  await lock.renew();
  await at(members, 2).rob(NAME);
  await lost(lock);
  await lock.release();
  await until(() => allFree(members));
  await locks.close();
});

async function lost({ signal }: Lock): Promise<void> {
  if (!signal.aborted) await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
  expect(signal.reason).toMatchObject({ code: 'LOCK_LOST' });
}

test('without a majority within reach a request fails, and says why; who waits already waits on', async () => {
  const { members, open } = quorumOf(5);
  const [holder, waiter] = [await open(), await open()];
  const lock = await holder.acquire(NAME, { ttl: 2000 });
  const contended = waiter.acquire(NAME);
  await until(() => members.every(({ asked }) => asked.filter((each) => each === 'acquire').length > 1));
  for (const member of members.slice(0, 3)) member.isDown = true;
  for (const attempt of [waiter.tryAcquire(NAME), waiter.acquire('another')]) {
    await expect(attempt).rejects.toMatchObject({
      code: 'BACKEND_UNAVAILABLE',
      message: 'The quorum has no majority: This member is out of reach',
    });
  }
  await expect(lock.release()).rejects.toMatchObject({ code: 'BACKEND_UNAVAILABLE' });
  for (const member of members) member.isDown = false;
  // What could not be told ends with its ttl.
  const next = await contended;
  expect(next.fencingToken > lock.fencingToken).toBe(true);
  await next.release();
  await Promise.all([waiter.close(), holder.close()]);
});

test('one member out of reach is no outage, whoever answers last', async () => {
  const { members, open } = quorumOf(5);
  const [holder, other] = [await open(), await open()];
  at(members, 0).isDown = true;
  const lock = await holder.acquire(NAME);
  const resume = members.slice(3).map((member) => member.hold('acquire'));
  // One fails, two refuse, and nobody knows of the others.
  expect(await other.tryAcquire(NAME)).toBeNull();
  for (const go of resume) go();
  await lock.release();
  await Promise.all([holder.close(), other.close()]);
});

test('an abort ends a request though all members hang, and what they grant later is given back', async () => {
  const { members, open } = quorumOf(5);
  const locks = await open();
  const resume = members.map((member) => member.hold('acquire'));
  const controller = new AbortController();
  const work = locks.acquire(NAME, { signal: controller.signal });
  await until(async () => (await freeCount(members)) === 0);
  const reason = new Error('changed my mind');
  controller.abort(reason);
  await expect(work).rejects.toBe(reason);
  for (const go of resume) go();
  await until(() => allFree(members));
  await locks.close();
});

test('of four members three must grant', async () => {
  const { members, open } = quorumOf(4);
  const locks = await open();
  at(members, 0).isDown = true;
  await (await locks.acquire(NAME)).release();
  at(members, 1).isDown = true;
  await expect(locks.tryAcquire(NAME)).rejects.toMatchObject({ code: 'BACKEND_UNAVAILABLE' });
  expect(await freeCount(members)).toBe(4);
  await locks.close();
});

test('a ttl that a restarted member could forget is refused before anything is sent', async () => {
  const members = [60_000, 5000, Infinity].map((maxTtlMs) => new Gated(randomUUID(), maxTtlMs));
  const locks = await createLocks(quorum(members.map(({ backend }) => backend)));
  await expect(locks.acquire(NAME, { ttl: 5001 })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  expect(members.flatMap(({ asked }) => asked)).toEqual([]);
  await (await locks.acquire(NAME, { ttl: 5000 })).release();
  await locks.close();
});

test('members that are one and the same behind different backends have one vote', async () => {
  const name = randomUUID();
  const locks = await createLocks(quorum([memory({ name }), memory({ name }), memory({ name: randomUUID() })]));
  await (await locks.acquire(NAME)).release();
  await locks.close();
  const alone = await createLocks(quorum([memory({ name }), memory({ name }), memory({ name })]));
  expect(await alone.tryAcquire(NAME)).toBeNull();
  await alone.close();
});
