import { InvalidArgumentError, LockTimeoutError, monotonicMs, parseDuration } from '@holdfast/core/adapter';
import type { LockMode } from '@holdfast/core/adapter';
import { codeOf, unavailable } from './errors.ts';
import { keysOf } from './keys.ts';
import type { Keys } from './keys.ts';
import { ADVISORY, KEY, quoted } from './sql.ts';

/** A client of pg, of a pool of pg's, or of anything that wraps one, in a transaction of yours. */
export interface TransactionClient {
  query(text: string, values?: unknown[]): Promise<{ readonly rows: readonly Record<string, unknown>[] }>;
}

export interface TransactionLockOptions {
  /** Default `exclusive`. */
  readonly mode?: LockMode | undefined;
  /** Of the wait, in ms or as `'1.5s'`; default none. */
  readonly timeout?: number | string | undefined;
  /** `true`: `null` at once if the lock is not free. */
  readonly ifAvailable?: boolean | undefined;
  /** As given to `postgres()`; default `holdfast`. */
  readonly schema?: string | undefined;
}

export interface TransactionLock {
  readonly name: string;
  readonly mode: LockMode;
  /** As safe from a crash as what the transaction writes: from its commit on. */
  readonly fencingToken: bigint;
}

/**
 * Locks `name` in your transaction, until that commits or rolls back, against all others that lock it: sessions of `@holdfast/postgres`
 * and transactions. Needs no session, so it is safe behind a pooler of transactions. It has no ttl: who hangs in a transaction keeps the lock
 * for as long as the server lets it (`idle_in_transaction_session_timeout`).
 *
 * Throws `LockTimeoutError`; the transaction is as it was before, and can go on. Throws `InvalidArgumentError` outside of a transaction, and
 * the driver's own error for all else, such as a deadlock (40P01), as any statement of the transaction would.
 */
export async function lockInTransaction(
  client: TransactionClient,
  name: string,
  options: TransactionLockOptions & { readonly ifAvailable: true },
): Promise<TransactionLock | null>;
export async function lockInTransaction(
  client: TransactionClient,
  name: string,
  options?: TransactionLockOptions,
): Promise<TransactionLock>;
export async function lockInTransaction(
  client: TransactionClient,
  name: string,
  { mode = 'exclusive', timeout, ifAvailable = false, schema = 'holdfast' }: TransactionLockOptions = {},
): Promise<TransactionLock | null> {
  checkName(name);
  const keys = keysOf(name);
  const timeoutMs = timeout === undefined ? undefined : parseDuration('timeout', timeout);
  // What fails after it is undone without the rest of the transaction; the locks, too.
  await savepoint(client);
  try {
    const isLocked = ifAvailable
      ? await tryIt(client, keys, mode)
      : await withTimeout(client, timeoutMs, (remaining) => wait(client, keys, mode, remaining));
    if (isLocked) {
      const { rows } = await client.query('SELECT nextval($1::regclass) AS token', [`${quoted(schema)}.token`]);
      await client.query('RELEASE SAVEPOINT holdfast');
      return { name, mode, fencingToken: BigInt(String(rows[0]?.['token'])) };
    }
  } catch (error) {
    await undo(client);
    if (codeOf(error) !== '55P03') throw error;
    throw new LockTimeoutError(`Lock ${JSON.stringify(name)} was not granted within ${timeoutMs} ms`, { cause: error });
  }
  await undo(client);
  return null;
}

const LOCK = {
  exclusive: { wait: 'pg_advisory_xact_lock', try: 'pg_try_advisory_xact_lock' },
  shared: { wait: 'pg_advisory_xact_lock_shared', try: 'pg_try_advisory_xact_lock_shared' },
} as const;

async function wait(
  client: TransactionClient,
  keys: Keys,
  mode: LockMode,
  limit: () => Promise<void>,
): Promise<boolean> {
  await client.query(`SELECT ${LOCK[mode].wait}($1::bigint)`, [keys.lock]);
  await limit();
  // Those who have a permit do not have the lock. From now on they get fewer.
  await client.query('SAVEPOINT holdfast_permits');
  await client.query('SELECT pg_advisory_xact_lock($1::bigint)', [keys.permits]);
  // Given back at once: readers look at it one after another.
  await client.query('ROLLBACK TO SAVEPOINT holdfast_permits');
  await client.query('RELEASE SAVEPOINT holdfast_permits');
  return true;
}

async function tryIt(client: TransactionClient, keys: Keys, mode: LockMode): Promise<boolean> {
  const { rows } = await client.query(
    `SELECT CASE WHEN ${LOCK[mode].try}($1::bigint) THEN NOT EXISTS (SELECT FROM pg_locks
       WHERE ${ADVISORY} AND ${KEY} = $2::bigint AND mode = 'ShareLock' AND granted) ELSE false END AS locked`,
    [keys.lock, keys.permits],
  );
  return rows[0]?.['locked'] === true;
}

/** Within the timeout as a whole, in whole ms; the transaction's own `lock_timeout` is the same afterwards. */
async function withTimeout(
  client: TransactionClient,
  timeoutMs: number | undefined,
  work: (limit: () => Promise<void>) => Promise<boolean>,
): Promise<boolean> {
  if (timeoutMs === undefined) return await work(() => Promise.resolve());
  const until = monotonicMs() + timeoutMs;
  const { rows } = await client.query(`SELECT current_setting('lock_timeout') AS before`);
  const limit = async (): Promise<void> => {
    // 0 would mean no limit.
    const remaining = Math.max(1, Math.ceil(until - monotonicMs()));
    await client.query(`SELECT set_config('lock_timeout', $1, true)`, [String(remaining)]);
  };
  await limit();
  const result = await work(limit);
  await client.query(`SELECT set_config('lock_timeout', $1, true)`, [rows[0]?.['before']]);
  return result;
}

async function savepoint(client: TransactionClient): Promise<void> {
  try {
    await client.query('SAVEPOINT holdfast');
  } catch (error) {
    if (codeOf(error) !== '25P01') throw error;
    throw new InvalidArgumentError('Expected `client` to be in a transaction: BEGIN comes before lockInTransaction', {
      cause: error,
    });
  }
}

async function undo(client: TransactionClient): Promise<void> {
  try {
    await client.query('ROLLBACK TO SAVEPOINT holdfast');
    await client.query('RELEASE SAVEPOINT holdfast');
  } catch (error) {
    throw unavailable(error);
  }
}

function checkName(name: string): void {
  // What UTF-8 can't say (half a surrogate pair) would be the same lock for many names.
  const isWellFormed = typeof name === 'string' && Buffer.from(name).toString() === name;
  const bytes = typeof name === 'string' ? Buffer.byteLength(name) : 0;
  if (!isWellFormed || bytes < 1 || bytes > 1024 || name.includes('\0')) {
    throw new InvalidArgumentError('Expected `name` to be a string of 1 to 1024 bytes of UTF-8 without NUL');
  }
}
