/**
 * Migrations of a PostgreSQL database that every instance of a service runs when it starts.
 *
 *     HOLDFAST_URL=postgres://… node dist/migration.js
 *
 * The lock is taken inside the transaction that migrates, and ends with it: nothing can be half done, there is no ttl that a long
 * migration could outlive, and it works behind a pooler of transactions.
 */
import { lockInTransaction, migration } from '@holdfast/postgres';
import pg from 'pg';

const { HOLDFAST_URL = 'postgres://localhost/app', APP_SCHEMA = 'app' } = process.env;
if (!/^postgres(ql)?:/.test(HOLDFAST_URL)) {
  console.error('A lock inside a transaction needs PostgreSQL: HOLDFAST_URL=postgres://…');
  process.exit(64);
}

/** Version n is the n-th. Only ever add to them. */
const migrations = [
  'CREATE TABLE invoice (id bigint PRIMARY KEY, total numeric NOT NULL)',
  `ALTER TABLE invoice ADD COLUMN currency text NOT NULL DEFAULT 'EUR'`,
  'CREATE INDEX invoice_currency ON invoice (currency)',
];

const client = new pg.Client({ connectionString: HOLDFAST_URL });
await client.connect();
try {
  await client.query(migration()); // the sequence of the fencing tokens; safe to run again, and by many at once
  await client.query('BEGIN');
  const { fencingToken } = await lockInTransaction(client, `migrate:${APP_SCHEMA}`, { timeout: '60s' });
  const schema = pg.escapeIdentifier(APP_SCHEMA);
  await client.query(`CREATE SCHEMA IF NOT EXISTS ${schema}; SET LOCAL search_path TO ${schema}`);
  await client.query('CREATE TABLE IF NOT EXISTS migrated (version int PRIMARY KEY, token bigint NOT NULL)');
  const { rows } = await client.query<{ version: number }>('SELECT coalesce(max(version), 0) AS version FROM migrated');
  const from = rows[0]?.version ?? 0;
  for (const [index, sql] of migrations.entries()) {
    if (index < from) continue;
    await client.query(sql);
    await client.query('INSERT INTO migrated VALUES ($1, $2)', [index + 1, fencingToken]);
  }
  await client.query('COMMIT');
  console.log(`from version ${from} to ${migrations.length}`);
} finally {
  await client.end(); // what was not committed is rolled back, and the lock is free
}
