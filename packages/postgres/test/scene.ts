import { createLocks } from '@holdfast/core';
import type { Locks } from '@holdfast/core';
import { postgres } from '@holdfast/postgres';
import type { PostgresOptions } from '@holdfast/postgres';
import { Client } from 'pg';
import { afterEach } from 'vitest';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

/** Undone after the test, the last first. */
export function after(cleanup: () => unknown): void {
  cleanups.push(cleanup);
}

/** What a URL of the testbed says, as options. */
export function optionsOf(url: string): PostgresOptions {
  const { hostname, port, username, password, pathname } = new URL(url);
  return {
    host: hostname,
    port: Number(port),
    user: decodeURIComponent(username),
    database: pathname.slice(1),
    ...(password === '' ? {} : { password: decodeURIComponent(password) }),
  };
}

export async function open(options: PostgresOptions): Promise<Locks> {
  const locks = await createLocks(postgres(options));
  after(() => locks.close());
  return locks;
}

/** A client that the tests use to look and to do harm. */
export async function raw(options: PostgresOptions): Promise<Client> {
  const { host, port, user, password, database } = options;
  const client = new Client({ host, port, user, password, database });
  client.on('error', () => undefined);
  await client.connect();
  after(() => client.end());
  return client;
}

/** The processes of the server that hold or await an advisory lock of a name; see keys.ts. */
export async function pidsOf(client: Client, session: string, granted = true): Promise<number[]> {
  const { rows } = await client.query<{ pid: number }>(
    `SELECT DISTINCT l.pid FROM pg_locks l JOIN pg_stat_activity a USING (pid)
     WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND l.granted = $2 AND a.datname = current_database() AND a.application_name = $1`,
    [session, granted],
  );
  return rows.map(({ pid }) => pid);
}

/** How many wait for an advisory lock of the client's database: other tests wait on the same server at the same time. */
export const WAITING = `SELECT count(*)::int AS value FROM pg_locks l JOIN pg_database d ON d.oid = l.database
  WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()`;

export async function one<T>(client: Client, text: string, values: unknown[] = []): Promise<T> {
  const { rows } = await client.query<{ value: T }>(text, values);
  return rows[0]?.value as T;
}

/** A database of the test's own: what it leaves in it is in nobody's way. */
export async function database(options: PostgresOptions): Promise<PostgresOptions> {
  const name = `own_${Math.trunc(performance.timeOrigin)}_${(count += 1)}_${process.pid}`;
  const admin = await raw(options);
  await admin.query(`CREATE DATABASE ${name}`);
  after(() => admin.query(`DROP DATABASE ${name} WITH (FORCE)`));
  return { ...options, database: name };
}
let count = 0;
