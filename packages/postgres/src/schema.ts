import { BackendUnavailableError } from '@holdfast/core/adapter';
import type { Client } from 'pg';
import { isPrivilegeMissing } from './errors.ts';
import { quoted } from './sql.ts';

/**
 * The objects that the locks need, as SQL that may be run again and again: for a user who may create them, where the locks' own user
 * may not. `role` gets the privileges; default: everybody who may connect.
 */
export function migration(schema = 'holdfast', role?: string): string {
  const to = role === undefined ? 'PUBLIC' : quoted(role);
  return `BEGIN;
${objects(schema)}
GRANT USAGE ON SCHEMA ${quoted(schema)} TO ${to};
GRANT USAGE, SELECT ON SEQUENCE ${quoted(schema)}.token TO ${to};
GRANT SELECT, INSERT, UPDATE, DELETE ON ${quoted(schema)}.registry TO ${to};
COMMIT;
`;
}

/** The registry is what `query` shows, and decides nothing: it may be lost in a crash, and so costs no WAL. */
function objects(schema: string): string {
  const name = quoted(schema);
  return `-- Two that create at once would get in each other's way in spite of IF NOT EXISTS.
SELECT pg_advisory_xact_lock(x'686f6c6466617374'::bigint);
CREATE SCHEMA IF NOT EXISTS ${name};
CREATE SEQUENCE IF NOT EXISTS ${name}.token;
CREATE UNLOGGED TABLE IF NOT EXISTS ${name}.registry (
  owner uuid PRIMARY KEY,
  session int NOT NULL,
  asker int,
  keys bigint[] NOT NULL,
  name text NOT NULL,
  mode text NOT NULL,
  permits int,
  token bigint,
  client_id text NOT NULL,
  host text NOT NULL,
  pid int NOT NULL,
  since timestamptz NOT NULL
);`;
}

const PRESENT = `SELECT EXISTS (SELECT FROM pg_namespace n WHERE n.nspname = $1
    AND EXISTS (SELECT FROM pg_class WHERE relnamespace = n.oid AND relname = 'token' AND relkind = 'S')
    AND EXISTS (SELECT FROM pg_class WHERE relnamespace = n.oid AND relname = 'registry' AND relkind = 'r')) AS present`;

const ALLOWED = `SELECT has_schema_privilege(n.oid, 'USAGE') AND
    (SELECT has_sequence_privilege(oid, 'USAGE') AND has_sequence_privilege(oid, 'SELECT') FROM pg_class WHERE relnamespace = n.oid AND relname = 'token') AND
    (SELECT has_table_privilege(oid, 'SELECT') AND has_table_privilege(oid, 'INSERT') AND has_table_privilege(oid, 'UPDATE')
      AND has_table_privilege(oid, 'DELETE') FROM pg_class WHERE relnamespace = n.oid AND relname = 'registry') AS allowed
  FROM pg_namespace n WHERE n.nspname = $1`;

/** Creates what is missing. Throws a `BackendUnavailableError` that says what to run, where the user may not. */
export async function ensureSchema(client: Client, schema: string): Promise<void> {
  if (!(await isPresent(client, schema))) await create(client, schema);
  const { rows } = await client.query<{ allowed: boolean | null }>(ALLOWED, [schema]);
  if (rows[0]?.allowed !== true) throw notAllowed(schema, 'use');
}

export async function isPresent(client: Client, schema: string): Promise<boolean> {
  const { rows } = await client.query<{ present: boolean }>(PRESENT, [schema]);
  return rows[0]?.present === true;
}

async function create(client: Client, schema: string): Promise<void> {
  await client.query('BEGIN');
  try {
    await client.query(objects(schema));
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK');
    throw isPrivilegeMissing(error) ? notAllowed(schema, 'create', error) : error;
  }
}

function notAllowed(schema: string, verb: 'create' | 'use', cause?: unknown): BackendUnavailableError {
  return new BackendUnavailableError(
    `The user of these locks may not ${verb} the objects that they need in the database. Let somebody who may run this ` +
      `(\`migration()\` of @holdfast/postgres):\n\n${migration(schema)}`,
    { cause: cause ?? new Error(`no privilege to ${verb} the schema ${schema}`) },
  );
}
