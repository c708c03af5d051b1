import { createRequire } from 'node:module';
import { setTimeout as delay } from 'node:timers/promises';
import { migration, postgres } from '@holdfast/postgres';
import type { PostgresOptions } from '@holdfast/postgres';
import { sharedServer, startServer } from '@holdfast/testbed';
import { Pool } from 'pg';
import { describe, expect, test } from 'vitest';
import { after, database, one, open, optionsOf, raw, WAITING } from './scene.ts';

const server = optionsOf((await sharedServer('postgres')).url);

async function failure(options: PostgresOptions): Promise<{ code: string; message: string }> {
  const locks = await open(options);
  return (await locks.acquire('a').catch((reason: unknown) => reason)) as { code: string; message: string };
}

describe('what is wrong is said', () => {
  test('a missing database', async () => {
    const error = await failure({ ...server, database: 'not_there' });
    expect(error.code).toBe('BACKEND_UNAVAILABLE');
    expect(error.message).toMatch(/database does not exist/);
  });

  test('a wrong password, which is not told', async () => {
    const secured = await startServer('postgres', { password: 'right one' });
    after(() => secured.stop());
    const error = await failure({ ...optionsOf(secured.url), password: 'hunter2-wrong' });
    expect(error.code).toBe('BACKEND_UNAVAILABLE');
    expect(error.message).toMatch(/refused the password/);
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('hunter2');
    await (await (await open(optionsOf(secured.url))).acquire('a')).release();
  });

  test('no privilege to create what is needed: the error has the SQL, which somebody else runs', async () => {
    const own = await database(server);
    const admin = await raw(own);
    const user = `plain_${process.pid}_${Math.trunc(performance.now())}`;
    await admin.query(`CREATE ROLE ${user} LOGIN PASSWORD 'plain'`);
    after(() => admin.query(`DROP OWNED BY ${user}; DROP ROLE ${user}`));
    const plain = { ...own, user, password: 'plain' };
    const error = await failure(plain);
    expect(error.code).toBe('BACKEND_UNAVAILABLE');
    expect(error.message).toContain(migration());
    await admin.query(migration('holdfast', user));
    // Again, for whoever runs it twice.
    await admin.query(migration('holdfast', user));
    const locks = await open(plain);
    await (await locks.acquire('a')).release();
    await admin.query(`REVOKE ALL ON SEQUENCE holdfast.token FROM ${user}`);
    const revoked = await failure(plain);
    expect(revoked.message).toMatch(/may not use/);
    // A theft from a session of another user needs a privilege, too.
    await admin.query(`GRANT ALL ON SEQUENCE holdfast.token TO ${user}`);
  });

  test('no server', async () => {
    const error = await failure({ ...server, port: 1 });
    expect(error.code).toBe('BACKEND_UNAVAILABLE');
    expect(error.message).toMatch(/No PostgreSQL server listens/);
  });

  test('a role that may not signal others can steal from holders that hear it, and is told of those who do not', async () => {
    const own = await database(server);
    const admin = await raw(own);
    await admin.query(migration());
    const user = `thief_${process.pid}_${Math.trunc(performance.now())}`;
    await admin.query(`CREATE ROLE ${user} LOGIN PASSWORD 'thief'`);
    after(() => admin.query(`DROP OWNED BY ${user}; DROP ROLE ${user}`));
    const [holder, waiter] = [await open(own), await open(own)];
    const thief = await open({ ...own, user, password: 'thief' });
    const lock = await holder.acquire('a');
    const stolen = await thief.acquire('a', { steal: true });
    expect(lock.signal.reason).toMatchObject({ reason: 'stolen' });
    await stolen.release();
    const again = await holder.acquire('a');
    const next = waiter.acquire('a');
    await expect.poll(() => one(admin, WAITING)).toBe(1);
    await expect(thief.acquire('a', { steal: true })).rejects.toThrow(/pg_signal_backend/);
    await again.release();
    await (await next).release();
  });

  test('doctor finds what there is to say', async () => {
    const backend = postgres(server);
    after(() => backend.close());
    const { server: version, findings } = (await backend.diagnose?.()) ?? { server: '', findings: [] };
    expect(version).toMatch(/^PostgreSQL 1\d/);
    expect(findings.some(({ level }) => level === 'error')).toBe(false);
  });
});

describe('the objects in the database', () => {
  test('are created by 50 who come at once', async () => {
    const own = await database(server);
    const all = await Promise.all(Array.from({ length: 50 }, () => open(own)));
    const held = await Promise.all(all.map((locks, i) => locks.acquire(`a ${i}`)));
    expect(new Set(held.map(({ fencingToken }) => fencingToken)).size).toBe(50);
    await Promise.all(held.map((lock) => lock.release()));
  });
});

describe("the user's own pool", () => {
  function pool(max: number, options: PostgresOptions = server): Pool {
    const { host, port, user, password, database: name } = options;
    const made = new Pool({ host, port, user, password, database: name, max });
    made.on('error', () => undefined);
    after(() => made.end());
    return made;
  }

  test('gets its clients back as they were, and is not ended', async () => {
    const own = await database(server);
    const mine = pool(1, own);
    const settings = `SELECT string_agg(current_setting(name), ' ') AS value FROM unnest(ARRAY['idle_session_timeout',
      'lock_timeout', 'application_name', 'tcp_user_timeout', 'client_connection_check_interval', 'synchronous_commit']) AS name`;
    await mine.query(`SET lock_timeout = '7s'`);
    await mine.query(`SET synchronous_commit = off`);
    const [before] = (await mine.query<{ value: string }>(settings)).rows;
    const locks = await open({ pool: mine });
    await locks.acquire('a');
    const held = await locks.acquire('b', { mode: 'shared' });
    await delay(60);
    await held.release();
    await locks.close();
    expect([mine.totalCount, mine.idleCount]).toEqual([1, 1]);
    expect((await mine.query(settings)).rows).toEqual([before]);
    const look = await raw(own);
    const left = `SELECT count(*)::int AS value FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;
    await expect.poll(() => one(look, left)).toBe(0);
  });

  test('of one connection: locks nest; one that another holds is a clear error and not a hang', async () => {
    const own = await database(server);
    const [other, locks] = [await open(own), await open({ pool: pool(1, own), patience: 1000 })];
    const theirs = await other.acquire('theirs');
    await locks.request('outer', async () => {
      await locks.request('inner', () => undefined);
      await expect(locks.request('theirs', () => undefined)).rejects.toThrow(/within 1000 ms|in use/);
    });
    await theirs.release();
    await (await locks.acquire('theirs')).release().catch(() => undefined);
  });

  test.each(['pipelines', 'is older than pipelining'])('of another copy of pg, which %s', async (how) => {
    const { host, port, user, password, database: name } = await database(server);
    const mine = new (anotherPool())({ host, port, user, password, database: name, max: 2 });
    mine.on('error', () => undefined);
    after(() => mine.end());
    if (how !== 'pipelines') mine.on('connect', (client) => Reflect.deleteProperty(client, 'pipeline'));
    const locks = await open({ pool: mine });
    const names = Array.from({ length: 20 }, (_, i) => `a ${i}`);
    const held = await Promise.all(names.map((each) => locks.acquire(each)));
    expect(new Set(held.map(({ fencingToken }) => fencingToken)).size).toBe(20);
    expect(await locks.tryAcquire('a 0')).toBe(null);
    const next = locks.acquire('a 0');
    await Promise.all(held.map((lock) => lock.release()));
    await (await next).release();
  });
});

/** A pool that knows nothing of the classes of the pg that we have. */
function anotherPool(): typeof Pool {
  const load = createRequire(import.meta.url);
  const path = load.resolve('pg');
  for (const file of Object.keys(load.cache))
    if (/[\\/]pg[\\/]lib[\\/]/.test(file)) Reflect.deleteProperty(load.cache, file);
  const { Pool: other } = load(path) as { Pool: typeof Pool };
  expect(other).not.toBe(Pool);
  return other;
}
