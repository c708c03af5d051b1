import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { createLocks } from '@holdfast/core';
import { createPool } from 'mysql2/promise';
import type { Pool } from 'mysql2/promise';
import { describe, expect, onTestFinished, test } from 'vitest';
import { mysql } from '../src/index.ts';
import { administrator, connectionOptions, open, rows } from './servers.ts';

const name = (): string => `pool ${randomUUID()}`;

/** A pool whose connections come as whoever had them before has left them. */
function leftAs(connectionLimit: number, ...statements: string[]): Pool {
  const pool = createPool({ ...connectionOptions(), connectionLimit });
  pool.on('connection', (connection) => {
    // Carried out before whatever is asked by who waits for the connection.
    for (const sql of statements) void connection.query(sql);
  });
  onTestFinished(() => pool.end());
  return pool;
}

describe.each(['transaction', 'lease'] as const)('a pool of the user in mode %s', (mode) => {
  test.each(['SET autocommit = 0', 'START TRANSACTION'])(
    'whose connections come in what %s has begun and nobody ended: locks are no part of it, and it is not committed',
    async (begun) => {
      const admin = await administrator();
      const table = `left_over_${randomUUID().slice(0, 8)}`;
      await admin.query(`CREATE TABLE ${table} (id INT)`);
      onTestFinished(async () => void (await admin.query(`DROP TABLE ${table}`)));
      const pool = leftAs(4, begun, `INSERT INTO ${table} VALUES (1)`);
      const locks = await createLocks(mysql({ pool, mode }));
      onTestFinished(() => locks.close());
      const other = await open(`mode=${mode}`);
      const lock = await locks.acquire(name());
      expect(await other.tryAcquire(lock.name)).toBeNull();
      expect((await other.query(lock.name)).held.map(({ fencingToken }) => fencingToken)).toEqual([lock.fencingToken]);
      await lock.release();
      const next = await other.acquire(lock.name, { timeout: '2s' });
      expect(next.fencingToken).toBeGreaterThan(lock.fencingToken);
      await next.release();
      expect(await rows(admin, `SELECT * FROM ${table}`)).toEqual([]);
    },
  );

  test('whose connections have another sql_mode: locks are held, renewed and released', async () => {
    const pool = leftAs(4, `SET SESSION sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT,IGNORE_SPACE'`);
    const locks = await createLocks(mysql({ pool, mode }));
    onTestFinished(() => locks.close());
    const lock = await locks.acquire(name(), { ttl: 1200 });
    await delay(2500);
    expect(lock.held).toBe(true);
    await lock.release();
    await (await locks.acquire(lock.name)).release();
  });

  test('whose connections only read: an error that says so', async () => {
    const pool = leftAs(4, 'SET SESSION TRANSACTION READ ONLY');
    const locks = await createLocks(mysql({ pool, mode }));
    onTestFinished(() => locks.close());
    await expect(locks.acquire(name())).rejects.toMatchObject({
      code: 'BACKEND_UNAVAILABLE',
      message: expect.stringMatching(/transaction_read_only/) as string,
    });
  });
});
