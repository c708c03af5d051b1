import { lockInTransaction } from '@holdfast/postgres';
import { sharedServer, startPgBouncer } from '@holdfast/testbed';
import { Pool, types } from 'pg';
import { describe, expect, test } from 'vitest';
import { after, database, one, open, optionsOf, raw } from './scene.ts';

const { url } = await sharedServer('postgres');
const server = optionsOf(url);

async function bouncer(poolMode: 'session' | 'transaction', args: string[] = []): Promise<typeof server> {
  const own = await database(server);
  const running = await startPgBouncer(url, { poolMode, args });
  after(() => running.stop());
  return { ...optionsOf(running.url), database: own.database };
}

describe('PgBouncer', () => {
  test('that pools sessions: works, once the user has said so', async () => {
    const pooled = await bouncer('session');
    const cautious = await open(pooled);
    await expect(cautious.acquire('a')).rejects.toMatchObject({ code: 'UNSUPPORTED', message: /pooler: 'session'/ });
    const [one_, two] = [await open({ ...pooled, pooler: 'session' }), await open({ ...pooled, pooler: 'session' })];
    const lock = await one_.acquire('a', { ttl: 1000 });
    const next = two.acquire('a');
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(lock.held).toBe(true);
    await lock.release();
    await (await next).release();
  });

  test('that pools transactions: refused before anything is set or locked', async () => {
    const pooled = await bouncer('transaction');
    const locks = await open(pooled);
    await expect(locks.acquire('a')).rejects.toMatchObject({ code: 'UNSUPPORTED', message: /pooler/ });
    const look = await raw({ ...server, database: pooled.database });
    const found = `SELECT count(*)::int AS value FROM pg_stat_activity WHERE application_name = 'holdfast' AND datname = current_database()`;
    expect(await one(look, found)).toBe(0);
  });

  test('that pools transactions, though the user said sessions: refused as soon as it shows', async () => {
    const pooled = await bouncer('transaction', ['default_pool_size=2']);
    const locks = await open({ ...pooled, pooler: 'session' });
    await expect(locks.acquire('a')).rejects.toMatchObject({ code: 'UNSUPPORTED' });
  });

  test("that gives our session to others only later: refused when it does, also where the user's parsers make numbers of int8", async () => {
    const { INT8 } = types.builtins;
    const text = types.getTypeParser(INT8);
    types.setTypeParser(INT8, Number);
    after(() => types.setTypeParser(INT8, text));
    const pooled = await bouncer('transaction', ['default_pool_size=2']);
    const { host, port, user, password, database: name } = pooled;
    // With more than one it would be found out at the start.
    const pool = new Pool({ host, port, user, password, database: name, max: 1 });
    pool.on('error', () => undefined);
    after(() => pool.end());
    const [locks, other] = [await open({ pool, pooler: 'session' }), await raw(pooled)];
    expect((await locks.acquire('a')).fencingToken).toBeGreaterThan(0n);
    await other.query('BEGIN');
    await expect(locks.acquire('b')).rejects.toMatchObject({ code: 'UNSUPPORTED' });
    await other.query('ROLLBACK');
  });

  test('that pools transactions: a lock in a transaction needs no session', async () => {
    const pooled = await bouncer('transaction', ['default_pool_size=4']);
    const direct = await open({ ...server, database: pooled.database });
    // Creates what is needed.
    await (await direct.acquire('a')).release();
    const [a, b] = [await raw(pooled), await raw(pooled)];
    let inside = 0;
    let most = 0;
    const tokens: bigint[] = [];
    const work = async (client: typeof a): Promise<void> => {
      for (let round = 0; round < 20; round += 1) {
        await client.query('BEGIN');
        const { fencingToken } = await lockInTransaction(client, 'a');
        most = Math.max(most, (inside += 1));
        tokens.push(fencingToken);
        await client.query('SELECT pg_sleep(0.001)');
        inside -= 1;
        await client.query('COMMIT');
      }
    };
    await Promise.all([work(a), work(b)]);
    expect(most).toBe(1);
    expect(tokens).toEqual(tokens.toSorted((x, y) => (x < y ? -1 : 1)));
  });
});
