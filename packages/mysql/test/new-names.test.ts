import assert from 'node:assert/strict';
import { randomInt, randomUUID } from 'node:crypto';
import type { Locks } from '@holdfast/core';
import { expect, test } from 'vitest';
import { administrator, dropAfterwards, open, ownServer, rows } from './servers.ts';

test('the row of a name that nobody has used is made with the draw of its first token', async () => {
  const server = await ownServer();
  const locks = await open('', server.url);
  const admin = await administrator(server.url);
  const commits = async (): Promise<number> =>
    Number((await rows(admin, "SHOW GLOBAL STATUS LIKE 'Com_commit'"))[0]?.['Value']);
  // Prepares what is to be prepared.
  await (await locks.acquire('first')).release();
  const before = await commits();
  for (let i = 0; i < 10; i += 1) await (await locks.acquire(`new ${i}`)).release();
  expect((await commits()) - before).toBe(10);
});

test('tries and requests that meet at names that nobody has used do not wait for a limit of the server', async () => {
  const clients = await Promise.all(Array.from({ length: 12 }, () => open('connections=4')));
  const met = async (name: string): Promise<number> => {
    const startedAt = performance.now();
    const holds = clients.map(async (locks, i) => {
      const lock = i % 2 === 0 ? await locks.tryAcquire(name) : await locks.acquire(name);
      await lock?.release();
      return lock;
    });
    expect((await Promise.all(holds)).filter((lock) => lock !== null).length).toBeGreaterThanOrEqual(6);
    return performance.now() - startedAt;
  };
  // Connects.
  await met(randomUUID());
  for (let round = 0; round < 100; round += 1) expect(await met(randomUUID())).toBeLessThan(1000);
});

test('clients that meet at names whose rows are made and swept all the time exclude each other, with growing tokens', async () => {
  const prefix = `new${randomUUID().slice(0, 8)}_`;
  const admin = await administrator();
  dropAfterwards(admin, prefix);
  const clients = await Promise.all([0, 1, 2].map(() => open(`prefix=${prefix}&keep=1000`)));
  const held = new Set<string>();
  const last = new Map<string, bigint>();
  let made = 0;
  const visit = async (locks: Locks, name: string): Promise<void> => {
    const lock = await locks.acquire(name);
    assert.ok(!held.has(name), `two hold ${name}`);
    held.add(name);
    assert.ok(lock.fencingToken > (last.get(name) ?? 0n), `${lock.fencingToken} after ${last.get(name)}`);
    last.set(name, lock.fencingToken);
    await new Promise((resolve) => setImmediate(resolve));
    held.delete(name);
    await lock.release();
  };
  const until = performance.now() + 8000;
  const wander = async (locks: Locks): Promise<void> => {
    while (performance.now() < until) {
      // New to all of them, or one that may have been swept since.
      const name = randomInt(3) > 0 ? `${made}` : `${randomInt(made + 1)}`;
      if (randomInt(10) === 0) made += 1;
      await visit(locks, name);
    }
  };
  await Promise.all(clients.flatMap((locks) => [wander(locks), wander(locks)]));
  const [row] = await rows(admin, `SELECT COUNT(*) AS n FROM ${prefix}lock`);
  expect(Number(row?.['n'])).toBeLessThan(last.size);
});
