import type { AcquireOptions, Lock, Locks } from '@holdfast/core';
import { expect } from 'vitest';
import { open } from './scene.ts';

/** Resolves once it waits in the queue. */
export async function enqueue(
  locks: Locks,
  name: string,
  options: AcquireOptions = {},
): Promise<{ granted: Promise<Lock>; inLine: number }> {
  const before = (await locks.query(name)).pending.length;
  const granted = locks.acquire(name, { ttl: '60s', ...options });
  granted.catch(() => undefined);
  const pending = async (): Promise<number> => (await locks.query(name)).pending.length;
  await expect.poll(pending, { interval: 2 }).toBe(before + 1);
  return { granted, inLine: before + 1 };
}

/** A holder that knows those who wait behind it, because it claimed the lock when they did. */
export async function lineUp(
  url: string,
  name: string,
  holder: Locks,
  ...waiters: Locks[]
): Promise<[Lock, ...Promise<Lock>[]]> {
  const first = await (await open(url)).acquire(name, { ttl: '60s' });
  const { granted } = await enqueue(holder, name);
  const waits: Promise<Lock>[] = [];
  for (const waiter of waiters) waits.push((await enqueue(waiter, name)).granted);
  await first.release();
  return [await granted, ...waits];
}

export async function clients(url: string, count: number): Promise<Locks[]> {
  return Promise.all(Array.from({ length: count }, () => open(url)));
}
