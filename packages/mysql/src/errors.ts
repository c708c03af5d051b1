import { BackendUnavailableError } from '@holdfast/core/adapter';

/** Numbers of the server's errors (the same in MySQL and MariaDB where both have them). */
export const ER = {
  CON_COUNT: 1040,
  DBACCESS_DENIED: 1044,
  ACCESS_DENIED: 1045,
  BAD_DB: 1049,
  TABLE_EXISTS: 1050,
  SPECIFIC_ACCESS_DENIED: 1227,
  NO_SUCH_THREAD: 1094,
  TABLEACCESS_DENIED: 1142,
  NO_SUCH_TABLE: 1146,
  TOO_MANY_USER_CONNECTIONS: 1203,
  LOCK_WAIT_TIMEOUT: 1205,
  LOCK_DEADLOCK: 1213,
  USER_LIMIT_REACHED: 1226,
  OPTION_PREVENTS_STATEMENT: 1290,
  QUERY_INTERRUPTED: 1317,
  BINLOG_STMT_MODE: 1665,
  READ_ONLY_TRANSACTION: 1792,
  LOCK_NOWAIT: 3572,
} as const;

/** With these the server says goodbye: it closes the connection. Shutdown, kill (of either product), idle for too long. */
const GOODBYES: ReadonlySet<number> = new Set([1053, 1927, 3169, 4031]);

export function isGoodbye(errno: number): boolean {
  return GOODBYES.has(errno);
}

/** The connection is over: whatever it held goes, and what was asked over it may have been done or not. */
export class ConnectionLostError extends Error {
  override readonly name = 'ConnectionLostError';

  constructor(cause: Error) {
    super(cause.message, { cause });
  }
}

/** 0 for an error that is not the server's. */
export function errorNumber(error: unknown): number {
  return error instanceof Error && 'errno' in error && typeof error.errno === 'number' ? error.errno : 0;
}

/** The row is locked, or somebody waits for it. */
export function isRefused(error: unknown): boolean {
  const number = errorNumber(error);
  return number === ER.LOCK_NOWAIT || number === ER.LOCK_WAIT_TIMEOUT;
}

/** The place in the queue is gone, the session is not: by `KILL QUERY`, a limit, or as the victim of a deadlock. */
export function isOutOfQueue(error: unknown): boolean {
  const number = errorNumber(error);
  return number === ER.QUERY_INTERRUPTED || number === ER.LOCK_WAIT_TIMEOUT || number === ER.LOCK_DEADLOCK;
}

export function isLost(error: unknown): boolean {
  return error instanceof ConnectionLostError;
}

const hints: Readonly<Record<number, string>> = {
  [ER.ACCESS_DENIED]: 'refused the user name or password',
  [ER.DBACCESS_DENIED]: 'has no such database, or denies this user its use',
  [ER.BAD_DB]: 'has no such database',
  [ER.CON_COUNT]: 'has no connection left (its max_connections)',
  [ER.TOO_MANY_USER_CONNECTIONS]: 'has no connection left for this user (max_user_connections)',
  [ER.USER_LIMIT_REACHED]: 'has no connection left for this user',
  [ER.OPTION_PREVENTS_STATEMENT]: 'does not accept writes (read_only, a replica?)',
  [ER.READ_ONLY_TRANSACTION]: 'does not accept writes in this session (transaction_read_only)',
  [ER.BINLOG_STMT_MODE]: 'has binlog_format = STATEMENT, with which READ COMMITTED does not go; use ROW or MIXED',
};

/** What users get. The driver's errors hold no password; the server's words name user, host, database or table at most. */
export function unavailable(cause: unknown): BackendUnavailableError {
  if (cause instanceof BackendUnavailableError) return cause;
  const text = cause instanceof Error ? cause.message : String(cause);
  const number = errorNumber(cause);
  const what = number > 0 ? (hints[number] ?? 'answered with an error') : "can't be reached";
  return new BackendUnavailableError(`The MySQL server ${what}: ${text}`, { cause });
}
