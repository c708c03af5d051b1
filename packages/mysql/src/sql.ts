import type { LockMode } from '@holdfast/core/adapter';
import type { Dialect } from './dialect.ts';
import type { Tables } from './schema.ts';

/** Of the server's clock, in µs since 1970. Sessions are in UTC, where no hour comes twice. */
const NOW = 'CAST(UNIX_TIMESTAMP(NOW(6)) * 1000000 AS SIGNED)';
const COLUMNS = 'entry, name, mode, token, connection, client, host, pid, since';

/** `now` refuses where the request would have to wait, also behind others who wait. */
export type Patience = 'now' | 'wait';

function locking({ share }: Dialect, mode: LockMode, patience: Patience): string {
  return `${mode === 'shared' ? share : 'FOR UPDATE'}${patience === 'now' ? ' NOWAIT' : ''}`;
}

/**
 * Locks the row of the name, registers the hold in the same transaction, and answers the name's last token as the insert
 * id: read after the lock was granted, without locking the token's row. 0 affected rows: there is no row to lock.
 *
 * Parameters: entry, mode, expected last token, token of the hold, client, host, pid, name. The hold shows its token if the last one is as expected.
 */
export function enter(tables: Tables, dialect: Dialect, mode: LockMode, patience: Patience): string {
  return `INSERT INTO ${tables.request} (${COLUMNS})
SELECT ?, l.name, ?,
  IF(LAST_INSERT_ID(COALESCE((SELECT t.token FROM ${tables.token} t WHERE t.name = l.name), 0)) = CAST(? AS SIGNED), CAST(? AS SIGNED), NULL),
  CONNECTION_ID(), ?, ?, ?, ${NOW}
FROM ${tables.lock} l WHERE l.name = ? ${locking(dialect, mode, patience)}`;
}

/** Shows a request that is about to wait, for as long as its transaction. Parameters: entry, name, mode, client, host, pid. */
export function register(tables: Tables): string {
  return `INSERT INTO ${tables.request} (${COLUMNS}) VALUES (?, ?, ?, NULL, CONNECTION_ID(), ?, ?, ?, ${NOW})`;
}

/** Waits in the server's own queue. Parameter: name. No row: there is none to lock. */
export function block(tables: Tables, dialect: Dialect, mode: LockMode): string {
  return `SELECT 1 FROM ${tables.lock} WHERE name = ? ${locking(dialect, mode, 'wait')}`;
}

/** Proves that the transaction that holds is still the one that was granted the lock. Parameters: token, entry. */
export function confirm(tables: Tables): string {
  return `UPDATE ${tables.request} SET token = CAST(? AS SIGNED), since = ${NOW} WHERE entry = ?`;
}

/** The same, changing nothing. Parameter: entry. */
export function renew(tables: Tables): string {
  return `SELECT 1 FROM ${tables.request} WHERE entry = ?`;
}

/**
 * Parameter: name, twice. Never in the transaction that locks the row: together they deadlock. An insert waits for whoever
 * holds a row of that name, to see whether it stays; so it is left out where the row is seen, which is read without locking.
 */
export function create(tables: Tables): string {
  return `INSERT IGNORE INTO ${tables.lock} (name)
SELECT CAST(? AS BINARY) FROM DUAL WHERE NOT EXISTS (SELECT 1 FROM ${tables.lock} WHERE name = ?)`;
}

/**
 * The same behind {@link draw}, in its transaction, at half the cost: no row to lock is there without one for its token, so that where the draw made
 * that there is none to wait for. Parameters: name, how many rows the draw changed: 1 if it made one.
 */
export function createIfDrawnFirst(tables: Tables): string {
  return `INSERT IGNORE INTO ${tables.lock} (name) SELECT ? FROM DUAL WHERE ? = 1`;
}

/** The row of a token that nobody has drawn, before {@link create} and in its transaction. Parameter: name, twice. */
export function createToken(tables: Tables): string {
  return `INSERT IGNORE INTO ${tables.token} (name, token)
SELECT CAST(? AS BINARY), ${NOW} FROM DUAL WHERE NOT EXISTS (SELECT 1 FROM ${tables.token} WHERE name = ?)`;
}

/** How many tokens one draw brings. In µs it is less than a draw takes, so that tokens do not run ahead of the clock. */
export const DRAWN = 16;
const MORE = DRAWN - 1;

/**
 * The next tokens of a name, the last of them as the insert id: greater than those before, and no less than the clock, so that a row that was
 * swept, or whose last change a crash lost, does not give out a token twice. Parameter: name.
 */
export function draw(tables: Tables): string {
  return `INSERT INTO ${tables.token} (name, token) VALUES (?, LAST_INSERT_ID(${NOW} + ${MORE}))
ON DUPLICATE KEY UPDATE token = LAST_INSERT_ID(GREATEST(token + 1, ${NOW}) + ${MORE})`;
}

/** Who holds and who waits, the uncommitted rows of all sessions: for a session that reads uncommitted. */
export function requests(tables: Tables, ofName: boolean): string {
  return `SELECT entry, name, mode, CAST(token AS CHAR), CAST(connection AS CHAR), client, host, pid, CAST(since AS CHAR)
FROM ${tables.request}${ofName ? ' WHERE name = ?' : ''} ORDER BY since, entry`;
}

/** Parameter: entry. */
export function noteTheft(tables: Tables): string {
  return `INSERT IGNORE INTO ${tables.theft} (entry, at) VALUES (?, ${NOW})`;
}

/** Parameter: entry. */
export function wasStolen(tables: Tables): string {
  return `SELECT 1 FROM ${tables.theft} WHERE entry = ?`;
}

/** What a session of one's own user does; no privilege is needed. Parameter: connection id. */
export function activity({ processlist }: Dialect): string {
  return `SELECT COMMAND, STATE FROM ${processlist} WHERE ID = ?`;
}

/** Names whose last token is older than so many µs. A token is no less than the clock of its time. */
export function unused(tables: Tables, kept: 'lock' | 'queue', most: number): string {
  const table = kept === 'lock' ? tables.token : tables.queue;
  return `SELECT name FROM ${table} WHERE token < ${NOW} - CAST(? AS SIGNED) LIMIT ${most}`;
}

/** Parameter: name. */
export function lockUnused(tables: Tables, kept: 'lock' | 'queue'): string {
  return `SELECT 1 FROM ${tables[kept]} WHERE name = ? FOR UPDATE NOWAIT`;
}

/** With the row of {@link lockUnused} locked: nobody holds. Parameters of each: name, µs. */
export function deleteUnused(tables: Tables, kept: 'lock' | 'queue'): readonly string[] {
  const old = `name = ? AND token < ${NOW} - CAST(? AS SIGNED)`;
  if (kept === 'queue') return [`DELETE FROM ${tables.queue} WHERE ${old} AND JSON_LENGTH(state, '$.entries') = 0`];
  // Drawn anew in the meantime, the token stays, and so does the row of the lock.
  return [
    `DELETE l FROM ${tables.lock} l JOIN ${tables.token} t ON t.name = l.name WHERE l.name = ? AND t.token < ${NOW} - CAST(? AS SIGNED)`,
    `DELETE FROM ${tables.token} WHERE ${old}`,
  ];
}

/** Parameter: µs. */
export function deleteTheftNotes(tables: Tables): string {
  return `DELETE FROM ${tables.theft} WHERE at < ${NOW} - CAST(? AS SIGNED)`;
}
