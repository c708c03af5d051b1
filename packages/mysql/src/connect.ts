import { BackendUnavailableError } from '@holdfast/core/adapter';
import { createConnection } from 'mysql2';
import type { ConnectionOptions, Pool, PoolConnection } from 'mysql2';
import { dialectOf } from './dialect.ts';
import { ConnectionLostError } from './errors.ts';
import { Session } from './session.ts';
import type { Limits, Wire } from './session.ts';

/** What a connection is for. */
export type Use =
  /** Tokens, looks at what others have not committed, kills: single statements. */
  | 'desk'
  /** Holding and waiting: whatever is said opens a transaction, which stays open until its end is said. */
  | 'locks'
  /** The queues of `mode: 'lease'`: short transactions and single statements. */
  | 'queues';

const USES: Readonly<Record<Use, { readonly autocommit: 0 | 1; readonly isolation: string }>> = {
  desk: { autocommit: 1, isolation: 'READ-UNCOMMITTED' },
  locks: { autocommit: 0, isolation: 'READ-COMMITTED' },
  queues: { autocommit: 1, isolation: 'READ-COMMITTED' },
};

/** Opens connections: of its own, or out of the user's pool. */
export interface Source {
  readonly isPool: boolean;
  open(use: Use, limits: Limits): Promise<Session>;
}

export function ownConnections(options: ConnectionOptions, timeoutMs: number): Source {
  const dial = async (use: Use): Promise<Wire> => {
    // Nothing that a user gives is ever part of a text.
    const multipleStatements = use === 'locks';
    const connection = createConnection({ ...options, multipleStatements, connectTimeout: timeoutMs }) as Wire;
    await new Promise<void>((resolve, reject) => {
      connection.once('connect', () => resolve());
      connection.once('error', reject);
    });
    return connection;
  };
  return { isPool: false, open: (use, limits) => open(dial, use, limits, timeoutMs) };
}

/** Connections out of a pool are never given back, because their settings are not what the pool's owner expects: they are closed. */
export function pooledConnections(pool: Pool, timeoutMs: number): Source {
  const dial = (): Promise<Wire> => borrow(pool, timeoutMs);
  return {
    isPool: true,
    // Whoever had it before may have left it in a transaction: tokens would be part of that, and the settings would commit it.
    open: (use, limits) => open(dial, use, limits, timeoutMs, (session) => session.change('ROLLBACK')),
  };
}

function borrow(pool: Pool, timeoutMs: number): Promise<Wire> {
  return new Promise((resolve, reject) => {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      reject(exhausted(pool, timeoutMs));
    }, timeoutMs);
    timer.unref();
    pool.getConnection((error: Error | null, connection: PoolConnection) => {
      clearTimeout(timer);
      if (error !== null) reject(error);
      else if (late) connection.release();
      else resolve(connection as unknown as Wire);
    });
  });
}

function exhausted(pool: Pool, timeoutMs: number): BackendUnavailableError {
  const limit = (pool as { config?: { connectionLimit?: number } }).config?.connectionLimit;
  return new BackendUnavailableError(
    `The pool gave no connection within ${timeoutMs} ms (its \`connectionLimit\` is ${limit}): locks need one connection for each that is held or waited for, and one beside them`,
  );
}

async function open(
  dial: (use: Use) => Promise<Wire>,
  use: Use,
  limits: Limits,
  timeoutMs: number,
  prepare: (session: Session) => Promise<unknown> = () => Promise.resolve(),
): Promise<Session> {
  const connection = await dial(use);
  // An idle client must not keep the process alive; core does while there is something to wait for.
  connection.stream.unref();
  const id = connection.threadId;
  let session: Session | undefined;
  try {
    const [found, version] = await identity(connection, timeoutMs);
    if (found !== String(id)) throw pooler(id, found);
    session = new Session(connection, id, dialectOf(version), limits, timeoutMs);
    await prepare(session);
    await session.change(`SET SESSION ${settings(session, use).join(', ')}`);
    return session;
  } catch (error) {
    session?.destroy();
    connection.destroy();
    throw error;
  }
}

function identity(connection: Wire, timeoutMs: number): Promise<[string, string]> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new ConnectionLostError(new Error(`no answer within ${timeoutMs} ms`))),
      timeoutMs,
    );
    timer.unref();
    const sql = 'SELECT CAST(CONNECTION_ID() AS CHAR), VERSION()';
    connection.query({ sql, rowsAsArray: true }, (error, rows) => {
      clearTimeout(timer);
      if (error === null) resolve((rows as [string, string][])[0] as [string, string]);
      else reject(error);
    });
  });
}

function settings({ dialect, limits }: Session, use: Use): string[] {
  const { autocommit, isolation } = USES[use];
  return [
    `autocommit = ${autocommit}`,
    // What is not prepared is written as a text, whose quotes and backslashes must mean what the driver takes them for.
    `sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'`,
    `time_zone = '+00:00'`,
    `wait_timeout = ${limits.idleS}`,
    `innodb_lock_wait_timeout = ${limits.lockWaitS}`,
    `${dialect.isolationVariable} = '${isolation}'`,
    ...dialect.settings,
  ];
}

/** A pooler gives one server connection to several clients in turn, or several to one: then a transaction is nobody's own. */
function pooler(expected: number, found: string): BackendUnavailableError {
  return new BackendUnavailableError(
    `Something between here and the server shares connections out (the handshake said connection ${expected}, the server says ${found}): a lock needs a connection of its own; connect to the server directly`,
  );
}
