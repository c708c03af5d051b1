import { lockInTransaction } from '@holdfast/postgres';
import type { PostgresOptions } from '@holdfast/postgres';
import { sharedServer } from '@holdfast/testbed';
import { Pool } from 'pg';
import { describe, expect, test } from 'vitest';
import { after, database, one, open, optionsOf, raw, WAITING } from './scene.ts';

const server = optionsOf((await sharedServer('postgres')).url);

async function prepared(): Promise<PostgresOptions> {
  const own = await database(server);
  await (await (await open(own)).acquire('first')).release();
  return own;
}

describe('a lock in a transaction', () => {
  test('the lock and the data in one transaction (the example of the README)', async () => {
    const own = await prepared();
    const { host, port, user, password, database: name } = own;
    const pool = new Pool({ host, port, user, password, database: name });
    after(() => pool.end());
    await pool.query('CREATE TABLE account (id text PRIMARY KEY, balance int NOT NULL, token bigint NOT NULL)');
    await pool.query(`INSERT INTO account VALUES ('alice', 0, 0)`);

    async function deposit(amount: number): Promise<void> {
      const client = await pool.connect();
      try {
        await client.query('BEGIN');
        const { fencingToken } = await lockInTransaction(client, 'account:alice', { timeout: '10s' });
        const { rows } = await client.query<{ balance: number }>(`SELECT balance FROM account WHERE id = 'alice'`);
        await client.query(`UPDATE account SET balance = $1, token = $2 WHERE id = 'alice' AND token < $2`, [
          (rows[0]?.balance ?? 0) + amount,
          fencingToken,
        ]);
        await client.query('COMMIT');
      } catch (error) {
        await client.query('ROLLBACK');
        throw error;
      } finally {
        client.release();
      }
    }

    await Promise.all(Array.from({ length: 30 }, () => deposit(1)));
    const { rows } = await pool.query<{ balance: number }>('SELECT balance FROM account');
    expect(rows).toEqual([{ balance: 30 }]);
  });

  test('and locks of sessions exclude each other, in every mode', async () => {
    const own = await prepared();
    const [locks, client] = [await open(own), await raw(own)];
    for (const holding of [{}, { mode: 'shared' }, { permits: 2 }] as const) {
      const lock = await locks.acquire('a', holding);
      await client.query('BEGIN');
      expect(await lockInTransaction(client, 'a', { ifAvailable: true })).toBeNull();
      const reader = await lockInTransaction(client, 'a', { mode: 'shared', ifAvailable: true });
      expect(reader !== null).toBe('mode' in holding);
      await client.query('COMMIT');
      await lock.release();
    }
    await client.query('BEGIN');
    const mine = await lockInTransaction(client, 'a');
    for (const asking of [{}, { mode: 'shared' }, { permits: 2 }] as const) {
      expect(await locks.tryAcquire('a', asking)).toBeNull();
    }
    const next = locks.acquire('a');
    await client.query('COMMIT');
    const lock = await next;
    expect(lock.fencingToken > mine.fencingToken).toBe(true);
    await lock.release();
  });

  test('waits for permits to come back, and does not keep other readers away', async () => {
    const own = await prepared();
    const [locks, a, b] = [await open(own), await raw(own), await raw(own)];
    const permit = await locks.acquire('a', { permits: 2 });
    await a.query('BEGIN');
    const waiting = lockInTransaction(a, 'a', { mode: 'shared' });
    await expect.poll(() => one(b, WAITING)).toBe(1);
    await permit.release();
    await waiting;
    await b.query('BEGIN');
    expect(await lockInTransaction(b, 'a', { mode: 'shared', ifAvailable: true })).not.toBeNull();
    const reader = await locks.acquire('a', { mode: 'shared' });
    await Promise.all([a.query('COMMIT'), b.query('COMMIT'), reader.release()]);
  });

  test('that is not granted in time leaves the transaction as it was', async () => {
    const own = await prepared();
    const [locks, client] = [await open(own), await raw(own)];
    const lock = await locks.acquire('a');
    await client.query('BEGIN');
    await client.query(`SET LOCAL lock_timeout = '7s'`);
    await client.query('CREATE TABLE kept (id int)');
    const startedAt = performance.now();
    await expect(lockInTransaction(client, 'a', { timeout: 150 })).rejects.toMatchObject({ code: 'LOCK_TIMEOUT' });
    const took = performance.now() - startedAt;
    expect(took).toBeGreaterThan(140);
    expect(took).toBeLessThan(1500);
    expect(await one(client, `SELECT current_setting('lock_timeout') AS value`)).toBe('7s');
    await lock.release();
    await lockInTransaction(client, 'a', { timeout: 150 });
    expect(await one(client, `SELECT current_setting('lock_timeout') AS value`)).toBe('7s');
    await client.query('COMMIT');
    expect(await one(client, 'SELECT count(*)::int AS value FROM kept')).toBe(0);
    await (await locks.acquire('a', { timeout: 1000 })).release();
  });

  test('outside of a transaction is refused, and so is a bad name', async () => {
    const own = await prepared();
    const client = await raw(own);
    await expect(lockInTransaction(client, 'a')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', message: /BEGIN/ });
    await expect(lockInTransaction(client, '')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(lockInTransaction(client, 'a', { timeout: -1 })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });
});
