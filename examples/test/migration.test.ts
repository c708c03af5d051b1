import { sharedServer } from '@holdfast/testbed';
import { expect, test } from 'vitest';
import { lockInTransaction } from '@holdfast/postgres';
import { database } from './database.ts';
import { Program, scratch } from './program.ts';

test('of three instances that start at once one migrates, and the others find it done', async (scope) => {
  const { schema, connect } = await database(scope);
  const { url } = await sharedServer('postgres');
  const setting = { env: { HOLDFAST_URL: url, APP_SCHEMA: schema }, cwd: await scratch(scope) };
  const instances = [1, 2, 3].map(() => new Program(scope, 'migration', setting));
  expect(await Promise.all(instances.map(({ ended }) => ended))).toEqual([0, 0, 0]);
  const lines = instances.flatMap(({ lines }) => lines).toSorted();
  expect(lines).toEqual(['from version 0 to 3', 'from version 3 to 3', 'from version 3 to 3']);
  const client = await connect();
  const { rows } = await client.query(
    'SELECT count(*)::int AS versions, count(DISTINCT token)::int AS tokens FROM migrated',
  );
  expect(rows).toEqual([{ versions: 3, tokens: 1 }]);
});

test('one that dies in its transaction leaves nothing, and the next has the lock', async (scope) => {
  const { schema, connect } = await database(scope);
  const { url } = await sharedServer('postgres');
  const dying = await connect();
  await dying.query('BEGIN');
  await lockInTransaction(dying, `migrate:${schema}`);
  await dying.query(`CREATE SCHEMA ${schema}; CREATE TABLE ${schema}.half_done ()`);
  const setting = { env: { HOLDFAST_URL: url, APP_SCHEMA: schema }, cwd: await scratch(scope) };
  const next = new Program(scope, 'migration', setting);
  const other = await connect();
  const waiting = `SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND pid <> pg_backend_pid()
    AND (classid, objid) IN (SELECT classid, objid FROM pg_locks WHERE granted AND pid = $1 AND locktype = 'advisory')`;
  const { rows } = await dying.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  await expect.poll(async () => (await other.query(waiting, [rows[0]?.pid])).rowCount, { timeout: 20_000 }).toBe(1);
  dying.on('error', () => undefined);
  await other.query('SELECT pg_terminate_backend($1)', [rows[0]?.pid]);
  expect([await next.ended, next.lines]).toEqual([0, ['from version 0 to 3']]);
  expect((await other.query(`SELECT to_regclass('${schema}.half_done') AS left`)).rows).toEqual([{ left: null }]);
});

test('on another backend it says what it needs', async (scope) => {
  const migration = new Program(scope, 'migration', {
    env: { HOLDFAST_URL: 'file:./locks' },
    cwd: await scratch(scope),
  });
  expect(await migration.ended).toBe(64);
  expect(migration.lines).toEqual(['A lock inside a transaction needs PostgreSQL: HOLDFAST_URL=postgres://…']);
});
