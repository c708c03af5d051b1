import { BackendUnavailableError, UnsupportedError } from '@holdfast/core/adapter';
import type { Client } from 'pg';
import { answered, Connection } from './connection.ts';
import { unavailable } from './errors.ts';
import { ensureSchema } from './schema.ts';
import { APPLY, settingsFor } from './settings.ts';
import type { Source } from './source.ts';
import { CONFIRM_MS } from './sql.ts';

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
export function opener({ source, schema, pooler, patienceMs }: OpenOptions): () => Promise<Connection> {
  let known: Promise<void> | undefined;
  const prepare = (client: Client): Promise<void> => {
    // Once per backend; who comes meanwhile waits for it.
    known ??= ensureSchema(client, schema);
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
      connection = new Connection(client, pid, goodBye);
      await prepare(client);
      await mark(connection);
      return connection;
    } catch (error) {
      if (connection === undefined) await goodBye(client, true);
      else connection.destroy(error);
      throw error;
    }
  };

  return () =>
    answered(open(), patienceMs, (late) => void late.close()).catch((error: unknown) => {
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

async function mark(connection: Connection): Promise<void> {
  const settings = JSON.stringify(settingsFor(CONFIRM_MS));
  const { rows } = await connection.client.query<{ marked: boolean }>(APPLY, [settings, connection.id]);
  if (rows[0]?.marked !== true) throw new BackendUnavailableError('Two sessions drew the same number; try again');
}
