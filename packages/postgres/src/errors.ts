import { BackendUnavailableError, HoldfastError, UnsupportedError } from '@holdfast/core/adapter';
import { DatabaseError } from 'pg';

/** The connection ended, or answered from another server process: nothing that was asked on it can be relied on. */
export class ConnectionLostError extends Error {
  override readonly name = 'ConnectionLostError';
}

/** SQLSTATE of the server, or Node's code of a socket. */
export function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** A statement that was cancelled: by us, by somebody with `pg_cancel_backend`, or by a theft. */
export function isCancelled(error: unknown): boolean {
  return codeOf(error) === '57014';
}

export function isPrivilegeMissing(error: unknown): boolean {
  return codeOf(error) === '42501';
}

/** A statement that this session has prepared is not known, or one is known that it has not: it was prepared in another. */
export function isOfAnotherSession(error: unknown): boolean {
  const code = codeOf(error);
  return code === '26000' || code === '42P05';
}

/** The server's last word on a connection, or an error that is not the server's. By shape: a user's pool may be of another copy of pg. */
export function endsSession(error: unknown): boolean {
  if (typeof error !== 'object' || error === null || !('severity' in error)) return true;
  return error.severity === 'FATAL' || error.severity === 'PANIC';
}

/** By SQLSTATE, or the code of Node's socket. */
const explanations: Readonly<Record<string, string>> = {
  '28P01': 'The PostgreSQL server refused the password',
  '28000': 'The PostgreSQL server refused the user',
  '3D000': 'The database does not exist',
  '42501': 'The user lacks a privilege that the locks need',
  '55P03': 'Somebody keeps what the locks need in the database locked',
  '53300': 'The PostgreSQL server has no connection left',
  '53200': 'The lock table of the PostgreSQL server is full: raise max_locks_per_transaction',
  '57P01': 'The PostgreSQL server is shutting down, or an administrator ended the session',
  '57P02': 'The PostgreSQL server crashed',
  '57P03': 'The PostgreSQL server is starting up or shutting down',
  '57P05': 'The PostgreSQL server ended the session, which was silent for longer than the ttl',
  '25006': 'This PostgreSQL server is read-only (a standby?): locks need the primary',
  '42P01': 'The objects of the locks are missing: somebody removed them',
  ECONNREFUSED: 'No PostgreSQL server listens there',
  ENOTFOUND: 'The host of the PostgreSQL server is not known',
  ETIMEDOUT: 'The PostgreSQL server did not answer',
};

export function unavailable(cause: unknown): HoldfastError {
  if (cause instanceof HoldfastError) return cause;
  const code = codeOf(cause);
  const text = cause instanceof Error ? cause.message : String(cause);
  const fallback =
    cause instanceof DatabaseError
      ? 'The PostgreSQL server refused the request'
      : 'The PostgreSQL server could not be reached';
  return new BackendUnavailableError(`${(code && explanations[code]) ?? fallback}: ${text}`, { cause });
}

export function unanswered(patienceMs: number): BackendUnavailableError {
  return new BackendUnavailableError(`The PostgreSQL server did not answer within ${patienceMs} ms`, {
    cause: new Error('no answer'),
  });
}

export function poolsTransactions(cause?: unknown): UnsupportedError {
  return new UnsupportedError(
    'A connection pooler gave our PostgreSQL session to somebody else: it pools transactions or statements, not sessions. ' +
      'Connect these locks to the server itself, or to a pool with pool_mode = session',
    { cause },
  );
}
