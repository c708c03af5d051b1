import { createLocks } from '@holdfast/core';
import type { Locks } from '@holdfast/core';
import { postgres } from '@holdfast/postgres';
import type { PostgresOptions } from '@holdfast/postgres';
import { sharedServer } from '@holdfast/testbed';
import { Pool } from 'pg';
import type { PoolClient } from 'pg';
import { describe, expect, test } from 'vitest';
import { after, database, one, open, optionsOf, raw } from './scene.ts';

const server = optionsOf((await sharedServer('postgres')).url);

function poolOf({ host, port, user, password, database: name }: PostgresOptions, max: number): Pool {
  const made = new Pool({ host, port, user, password, database: name, max });
  made.on('error', () => undefined);
  after(() => made.end());
  return made;
}

async function openOn(pool: Pool): Promise<Locks> {
  const locks = await createLocks(postgres({ pool }));
  after(() => locks.close());
  return locks;
}

describe('a session', () => {
  test('that holds is ended by nothing sooner than its ttl, also if the network is silent', async () => {
    const own = await database(server);
    const pool = poolOf(own, 5);
    const clients: PoolClient[] = [];
    pool.on('acquire', (client) => clients.push(client));
    const locks = await openOn(pool);
    const lock = await locks.acquire('a', { ttl: '40s' });
    const [client] = clients;
    const read = async (name: string): Promise<string | undefined> =>
      (await client?.query<{ value: string }>(`SELECT current_setting('${name}') AS value`))?.rows[0]?.value;
    expect(await read('idle_session_timeout')).toBe('40s');
    // A holder that is cut off knows no sooner than by its ttl: neither may the server.
    expect(await read('tcp_user_timeout')).toBe('40000');
    expect(Number(await read('tcp_keepalives_idle'))).toBeGreaterThanOrEqual(40);
    await lock.release();
  });
});

describe("a client of the user's own pool", () => {
  test('that comes in a transaction that nobody ended: locks are not part of it', async () => {
    const own = await database(server);
    const [pool, other, admin] = [poolOf(own, 1), await open(own), await raw(own)];
    await (await other.acquire('warm')).release();
    await pool.query('CREATE TABLE left_over (id int)');
    const [before] = (await pool.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows;
    await pool.query('BEGIN');
    await pool.query('INSERT INTO left_over VALUES (1)');
    const locks = await openOn(pool);
    const lock = await locks.acquire('a', { ttl: '20s' });
    const state = `SELECT state AS value FROM pg_stat_activity WHERE pid = $1`;
    await expect.poll(() => one(admin, state, [before?.pid])).toBe('idle');
    expect(lock.held).toBe(true);
    await lock.release();
  });

  test('that comes in a transaction that has failed serves as well', async () => {
    const own = await database(server);
    const pool = poolOf(own, 1);
    await pool.query('BEGIN');
    await pool.query('SELECT 1/0').catch(() => undefined);
    const locks = await openOn(pool);
    await (await locks.acquire('a')).release();
  });
});
