import type { Patience } from '@holdfast/core/adapter';
import { BackendUnavailableError, UnsupportedError } from '@holdfast/core/adapter';
import type { Client } from 'pg';
import { Connection } from './connection.ts';
import { poolsTransactions, unavailable } from './errors.ts';
import { ensureSchema } from './schema.ts';
import { APPLY, settingsFor } from './settings.ts';
import type { Source } from './source.ts';
import { CONFIRM_MS } from './sql.ts';
import type { Statements } from './sql.ts';

export interface OpenOptions {
  readonly source: Source;
  readonly schema: string;
  /** What the user says of a pooler that stands in between. */
  readonly pooler: 'none' | 'session';
  readonly patienceMs: number;
}

/** The first with `idle_session_timeout` and `client_connection_check_interval`. */
const OLDEST_VERSION = 140_000;

const IDENTIFY = `SELECT pg_backend_pid() AS pid, current_setting('server_version_num')::int AS version`;

/** Opens sessions that locks may live in, and refuses those that can't be relied on. */
export function opener(
  { source, schema, pooler }: OpenOptions,
  { sweep }: Statements,
  patience: Patience,
): () => Promise<Connection> {
  let known: Promise<void> | undefined;
  let isSwept = false;
  const prepare = (client: Client, pid: number): Promise<void> => {
    const begin = async (): Promise<void> => {
      if (pooler === 'session') await disprove(source, client, pid);
      await ensureSchema(client, schema);
    };
    // Once per backend; who comes meanwhile waits for it.
    known ??= begin();
    return known.catch((error: unknown) => {
      known = undefined;
      throw error;
    });
  };

  const open = async (): Promise<Connection> => {
    const { client, goodBye } = await source.open();
    let connection: Connection | undefined;
    try {
      const pid = await identify(client, pooler);
      await prepare(client, pid);
      connection = new Connection(client, pid, CONFIRM_MS, goodBye);
      await mark(connection);
      if (!isSwept) {
        isSwept = true;
        // Rows that stay count for nothing; another client comes by them.
        connection.ask(sweep, []).catch(() => undefined);
      }
      return connection;
    } catch (error) {
      if (connection === undefined) await goodBye(client, true);
      else connection.destroy(error);
      throw error;
    }
  };

  return () =>
    patience
      .bound(open(), (late) => void late.close())
      .catch((error: unknown) => {
        throw unavailable(error);
      });
}

/** Nothing is set and nothing is locked before this: behind a pooler it could be in anybody's session. */
async function identify(client: Client, pooler: 'none' | 'session'): Promise<number> {
  const { rows } = await client.query<{ pid: number; version: number }>(IDENTIFY);
  const { pid = 0, version = 0 } = rows[0] ?? {};
  if (version < OLDEST_VERSION) {
    throw new UnsupportedError(
      `Locks need PostgreSQL 14 or later, which ends silent sessions by itself; this is ${Math.floor(version / 10_000)}`,
    );
  }
  // What the server told of itself when the connection began; a pooler tells of itself.
  const { processID } = client as unknown as { processID: number | null };
  if (processID !== pid && pooler !== 'session') {
    throw new UnsupportedError(
      'A connection pooler stands between these locks and the PostgreSQL server, and a session of theirs may be given to others ' +
        'between two statements. Connect to the server itself; or, if the pooler pools whole sessions (PgBouncer: ' +
        "pool_mode = session), say so with the option `pooler: 'session'`; or use `lockInTransaction`, which is safe behind any",
    );
  }
  return pid;
}

/**
 * That a pooler pools sessions can't be proved, but the contrary can: if it gives our server process to somebody else while we have nothing
 * under way, or us another one while that is taken. Each statement that locks looks again.
 */
async function disprove(source: Source, client: Client, pid: number): Promise<void> {
  if (source.max < 2) return;
  const other = await source.open();
  try {
    await other.client.query('BEGIN');
    const theirs = await pidOf(other.client);
    const ours = await pidOf(client);
    await other.client.query('ROLLBACK');
    if (theirs === pid || ours !== pid) throw poolsTransactions();
  } finally {
    await other.goodBye(other.client, false);
  }
}

async function pidOf(client: Client): Promise<number> {
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  return rows[0]?.pid ?? 0;
}

async function mark(connection: Connection): Promise<void> {
  const settings = JSON.stringify(settingsFor(CONFIRM_MS));
  const { rows } = await connection.client.query<{ marked: boolean }>(APPLY, [settings, connection.id]);
  if (rows[0]?.marked !== true) throw new BackendUnavailableError('Two sessions drew the same number; try again');
}
