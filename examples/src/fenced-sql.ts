/** Writes to PostgreSQL that a holder who has lost its lock can't make any more, however late they arrive. */
import type { Lock } from '@holdfast/core';
import { StaleTokenError } from './stale-token-error.ts';

/** A client or a pool of pg. */
export interface Database {
  query(sql: string, values: unknown[]): Promise<{ rowCount: number | null }>;
}

export const TABLE =
  'CREATE TABLE account (id text PRIMARY KEY, balance numeric NOT NULL, fence bigint NOT NULL DEFAULT 0)';

/** One statement, so that nobody comes between the comparison and the write. `<=`: one hold may write more than once. */
const UPDATE = 'UPDATE account SET balance = $1, fence = $2 WHERE id = $3 AND fence <= $2';

export async function setBalance(database: Database, id: string, balance: number, lock: Lock): Promise<void> {
  // As a string: a token has 63 bits.
  const { rowCount } = await database.query(UPDATE, [balance, String(lock.fencingToken), id]);
  if (rowCount === 0) throw new StaleTokenError(`Account ${id} has a newer token than ${lock.fencingToken}`);
}
