import type { Tables } from '../schema.ts';

/** Read when the row is locked, not when the statement began to wait for it. In µs since 1970; sessions are in UTC. */
const CLOCK = 'CAST(UNIX_TIMESTAMP(SYSDATE(6)) * 1000000 AS SIGNED)';
const CLOCK_MS = 'CAST(UNIX_TIMESTAMP(SYSDATE(6)) * 1000 AS SIGNED)';

/** Parameter: name. */
export function lockQueue(tables: Tables): string {
  return `${readQueue(tables)} FOR UPDATE`;
}

/** After an empty {@link lockQueue}; the transaction ends before the row is locked. Parameters: name, state. */
export function createQueue(tables: Tables): string {
  return `INSERT IGNORE INTO ${tables.queue} (name, token, state) VALUES (?, 0, ?)`;
}

/** Parameters: token, state, name. */
export function writeQueue(tables: Tables): string {
  return `UPDATE ${tables.queue} SET token = CAST(? AS SIGNED), state = ? WHERE name = ?`;
}

/**
 * Puts off the ends of holds that are still there, of as many different names. One row is locked after the other, in the
 * order given. Parameters of each: name, path, ttl in ms.
 */
export function renewHolds(tables: Tables, holds: number): string {
  const rows = [
    'SELECT ? AS name, ? AS path, CAST(? AS SIGNED) AS ttl',
    ...Array<string>(holds - 1).fill('SELECT ?, ?, CAST(? AS SIGNED)'),
  ];
  return `UPDATE (${rows.join(' UNION ALL ')}) r STRAIGHT_JOIN ${tables.queue} q FORCE INDEX (PRIMARY) ON q.name = r.name
SET q.state = JSON_REPLACE(q.state, r.path, GREATEST(CAST(JSON_EXTRACT(q.state, r.path) AS SIGNED), ${CLOCK_MS} + r.ttl))
WHERE JSON_CONTAINS_PATH(q.state, 'one', r.path)`;
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
