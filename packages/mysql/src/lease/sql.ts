import type { Tables } from '../schema.ts';

/** Read when the row is locked, not when the statement began to wait for it. In µs since 1970; sessions are in UTC. */
const CLOCK = 'CAST(UNIX_TIMESTAMP(SYSDATE(6)) * 1000000 AS SIGNED)';
const CLOCK_MS = 'CAST(UNIX_TIMESTAMP(SYSDATE(6)) * 1000 AS SIGNED)';

/** Parameter: name. */
export function lockQueue(tables: Tables): string {
  return `${readQueue(tables)} FOR UPDATE`;
}

/** Not together with {@link lockQueue} in one transaction: they deadlock. Parameters: name, state. */
export function createQueue(tables: Tables): string {
  return `INSERT IGNORE INTO ${tables.queue} (name, token, state) VALUES (?, 0, ?)`;
}

/** Parameters: token, state, name. */
export function writeQueue(tables: Tables): string {
  return `UPDATE ${tables.queue} SET token = CAST(? AS SIGNED), state = ? WHERE name = ?`;
}

/** Puts off the end of a hold that is still there. Parameters: path, path, ttl in ms, name, path. */
export function renewHold(tables: Tables): string {
  return `UPDATE ${tables.queue}
SET state = JSON_REPLACE(state, ?, GREATEST(CAST(JSON_EXTRACT(state, ?) AS SIGNED), ${CLOCK_MS} + CAST(? AS SIGNED)))
WHERE name = ? AND JSON_CONTAINS_PATH(state, 'one', ?)`;
}

/** Parameter: name. */
export function readQueue(tables: Tables): string {
  return `SELECT state, CAST(${CLOCK} AS CHAR) FROM ${tables.queue} WHERE name = ?`;
}

export function readQueues(tables: Tables): string {
  return `SELECT state, CAST(${CLOCK} AS CHAR), name FROM ${tables.queue}`;
}

/** Parameters: as many names. */
export function readSome(tables: Tables, names: number): string {
  return `SELECT state FROM ${tables.queue} WHERE name IN (${Array.from({ length: names }, () => '?').join(', ')})`;
}
