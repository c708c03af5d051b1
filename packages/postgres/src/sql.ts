import { createHash } from 'node:crypto';
import { MARK } from './settings.ts';

/** A statement that the server parses once per connection. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

/** All that the adapter sends again and again. Comments give the parameters and the columns of the answer. */
export interface Statements {
  /** `$1` lock, `$2` permits, `$3` pid → `token`: null where it is not free, {@link ELSEWHERE} on another server process. */
  readonly tryExclusive: Statement;
  /** The same; {@link UNSURE} where either somebody has a permit or another reader was looking at that at this moment. */
  readonly tryShared: Statement;
  /** For a session that holds it shared: `$1` lock, `$2` pid → `token`; null where somebody waits. */
  readonly joinShared: Statement;
  /** `$1` permits → `taken`: whether somebody has one. */
  readonly permitsTaken: Statement;
  /** `$1` lock, `$2` permits, `$3` pid, `$4` how many, `$5` those of this session, `$6` whether it has none → `state` (1: passed), `slot`, `token`. */
  readonly tryPermit: Statement;
  /** The same for who keeps others away by holding the lock elsewhere. */
  readonly takePermit: Statement;
  /** `$1` lock → `done`. */
  readonly unlock: Statement;
  readonly unlockShared: Statement;
  /** `$1` permits, `$2` slot, `$3` whether it is the session's last, `$4` gate, `$5` channel. */
  readonly unlockPermit: Statement;
  /** `$1` owners and what else a row has, as JSON. */
  readonly list: Statement;
  /** `$1` owners. */
  readonly unlist: Statement;
  /** Blocks: `$1` lock, `$2` permits, `$3` pid. No row: another server process. */
  readonly waitExclusive: Statement;
  readonly waitShared: Statement;
  /** Blocks: `$1` lock, `$2` pid. */
  readonly waitPermit: Statement;
  /** `$1` ttl in ms, `$2` pid → `token`. */
  readonly confirm: Statement;
  /** `$1` gate. Blocks only while the first in line before us is leaving. */
  readonly enterGate: Statement;
  /** `$1` lock, `$2` gate → `done`: whether the lock was held here until now. */
  readonly leaveGate: Statement;
  /** `$1` ttl in ms. */
  readonly keepFor: Statement;
  /** After an error, where it is not known how far it got: `$1` permits, `$2` how many, `$3` those of this session, `$4` whether it has none. */
  readonly undoPermit: Statement;
  /** `$1` pid of another session → `waits`. */
  readonly isWaiting: Statement;
  /**
   * For a thief that waits: `$1` lock, `$2` permits, `$3` the thief's pid, `$4` channel of the gate, `$5` whether to end sessions. Who is in the
   * queue before it goes behind it: their statements are cancelled. Who holds is told; what is not ours is ended.
   */
  readonly evict: Statement;
  /** `$1` lock and `$2` permits of a name, or null for all names → {@link QueryRow}. */
  readonly query: Statement;
  /** Rows of sessions that are over. */
  readonly sweep: Statement;
  /** → `pid`. */
  readonly heartbeat: Statement;
  /** `$1` the session's number, by which it stays marked → `done`. */
  readonly unlockAll: Statement;
}

/** As the server writes it. */
export const TRUE = 't';

/** Answers in place of a token. */
export const ELSEWHERE = '-1';
export const UNSURE = '-2';

/** What a thief says to the first in line for a permit, who is to go to the end of the queue. */
export const STEP_BACK = 'step back';

/** A waiter that is granted the lock must prove within this time that it is alive, or the server ends its session. In ms. */
export const CONFIRM_MS = 2000;

/** A waiter that vanished is missed after so long; a holder after its ttl, if that is not very short. In ms. */
const VANISHED_MS = 5000;
const SHORTEST_VANISHED_MS = 1000;
/** Linux takes no more. In s. */
const LONGEST_KEEPALIVE_S = 32_767;

/** A variable of the session: up to which token the sequence was written ahead by a record that was on disk. */
const ON_DISK = 'holdfast.on_disk';

/** An advisory lock's key from its two halves in `pg_locks`. */
export const KEY = '((classid::bigint << 32) | objid::bigint)';
/** Of `pg_locks`: advisory locks of this database with a key of one `int8`. */
export const ADVISORY = `locktype = 'advisory' AND objsubid = 1 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;

/**
 * The next token, on disk (and on a synchronous standby) before the statement is answered. `nextval` writes 32 values ahead, and
 * a value that it had written before makes its own transaction wait for nothing: the record that covers it may be another
 * session's, not flushed yet. A record of our own that has to be flushed takes all before it along; see decision 031.
 *
 * The value up to which was written ahead is another one for each such record. A session that has seen it on disk once need not look again at how
 * far the disk is, which is behind whenever somebody writes anything.
 *
 * `CASE` alone keeps an order (manual, 4.2.14): the value is drawn first, then it is looked at how far was written ahead, then at the disk.
 */
export function nextToken(schema: string): string {
  const token = `${quoted(schema)}.token`;
  const ahead = `(SELECT last_value + log_cnt FROM ${token})::text`;
  const isReplicated = `current_setting('synchronous_standby_names') <> ''`;
  const remember = `set_config('${ON_DISK}', ${ahead}, false) IS NULL`;
  const flush = `pg_logical_emit_message(true, 'holdfast', '') IS NULL`;
  const isUnsafe = `CASE
    WHEN NOT ${isReplicated} AND ${ahead} = current_setting('${ON_DISK}', true) THEN false
    WHEN ${remember} THEN true
    WHEN ${isReplicated} OR pg_current_wal_insert_lsn() > pg_current_wal_flush_lsn() THEN ${flush}
    ELSE false END`;
  return `CASE WHEN nextval('${token}') > 0 THEN CASE WHEN ${isUnsafe} THEN NULL ELSE lastval() END END`;
}

/** Whoever waits in the queue of a name waits for as long as it takes; until the end of the statement, its commit included. */
const PATIENT = `set_config('lock_timeout', '0', true)`;

/**
 * The bounds of a session: for how long it may be silent, and for how long the network may not confirm what the server has sent. Both are
 * texts in ms. A holder that is cut off knows by its ttl and no sooner, so that neither may be less for one that holds.
 */
function silent(idleMs: string, unconfirmedMs: string): string {
  return `set_config('idle_session_timeout', ${idleMs}, false) || set_config('tcp_user_timeout', ${unconfirmedMs}, false)
    || set_config('tcp_keepalives_idle', least(ceil(${unconfirmedMs}::numeric / 1000), ${LONGEST_KEEPALIVE_S})::text, false)`;
}

export function quoted(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`;
}

export function statementsFor(schema: string): Statements {
  const token = nextToken(schema);
  const held = silent('$1::text', `greatest($1::int, ${SHORTEST_VANISHED_MS})::text`);
  const registry = `${quoted(schema)}.registry`;
  // The bound of a waiter holds as soon as it is granted the lock.
  const waiting = (lock: string, pid: string): string =>
    `(SELECT ${lock} FROM (SELECT ${PATIENT}, ${silent(`'${CONFIRM_MS}'`, `'${VANISHED_MS}'`)} WHERE pg_backend_pid() = ${pid} OFFSET 0) AS s OFFSET 0) AS l`;
  const permit = (passed: string): string => `
    SELECT g.state, s.slot, CASE WHEN p.has THEN ${token} END AS token
    FROM (SELECT CASE WHEN pg_backend_pid() <> $3::int THEN -1 WHEN ${passed} THEN 1 ELSE 0 END AS state OFFSET 0) AS g
    LEFT JOIN LATERAL (
      SELECT i AS slot FROM generate_series(0, CASE WHEN g.state = 1 THEN $4::int - 1 ELSE -1 END) AS i
      WHERE CASE WHEN i = ANY ($5::int[]) THEN false ELSE pg_try_advisory_lock($2::bigint + 1 + i) END LIMIT 1) AS s ON true
    LEFT JOIN LATERAL (
      SELECT CASE WHEN s.slot IS NULL THEN false WHEN $6::boolean THEN pg_try_advisory_lock_shared($2::bigint) ELSE true END AS has
      OFFSET 0) AS p ON true`;

  return Object.fromEntries(
    Object.entries({
      tryExclusive: `SELECT CASE WHEN pg_backend_pid() <> $3::int THEN ${ELSEWHERE}
        WHEN NOT pg_try_advisory_lock($1::bigint) THEN NULL
        WHEN pg_try_advisory_xact_lock($2::bigint) THEN ${token}
        WHEN pg_advisory_unlock($1::bigint) THEN NULL END AS token`,
      tryShared: `SELECT CASE WHEN pg_backend_pid() <> $3::int THEN ${ELSEWHERE}
        WHEN NOT pg_try_advisory_lock_shared($1::bigint) THEN NULL
        WHEN pg_try_advisory_lock($2::bigint) THEN CASE WHEN pg_advisory_unlock($2::bigint) THEN ${token} END
        WHEN pg_advisory_unlock_shared($1::bigint) THEN ${UNSURE} END AS token`,
      joinShared: `SELECT CASE WHEN pg_backend_pid() <> $2::int THEN ${ELSEWHERE}
        WHEN EXISTS (SELECT FROM pg_locks WHERE ${ADVISORY} AND ${KEY} = $1::bigint AND NOT granted) THEN NULL
        ELSE ${token} END AS token`,
      permitsTaken: `SELECT EXISTS (SELECT FROM pg_locks
        WHERE ${ADVISORY} AND ${KEY} = $1::bigint AND mode = 'ShareLock' AND granted) AS taken`,
      tryPermit: permit('pg_try_advisory_xact_lock($1::bigint)'),
      takePermit: permit('$1::bigint IS NOT NULL'),
      unlock: `SELECT pg_advisory_unlock($1::bigint) AS done`,
      unlockShared: `SELECT pg_advisory_unlock_shared($1::bigint) AS done`,
      unlockPermit: `SELECT ${PATIENT}, pg_advisory_unlock($1::bigint + 1 + $2::int) AS done,
        CASE WHEN $3::boolean THEN pg_advisory_unlock_shared($1::bigint) END,
        CASE WHEN NOT pg_try_advisory_xact_lock_shared($4::bigint) THEN pg_notify($5::text, '') END`,
      list: `INSERT INTO ${registry} (owner, session, asker, keys, name, mode, permits, token, client_id, host, pid, since)
        SELECT owner, session, asker, keys, name, mode, permits, token, client_id, host, pid,
          clock_timestamp() - age_ms * interval '1 millisecond'
        FROM json_to_recordset($1::json) AS r(owner uuid, session int, asker int, keys bigint[], name text, mode text,
          permits int, token bigint, client_id text, host text, pid int, age_ms int)
        ON CONFLICT (owner) DO UPDATE SET session = excluded.session, asker = excluded.asker, keys = excluded.keys,
          token = excluded.token, since = excluded.since`,
      unlist: `DELETE FROM ${registry} WHERE owner = ANY ($1::uuid[])`,
      waitExclusive: `SELECT pg_advisory_xact_lock($2::bigint) FROM ${waiting('pg_advisory_lock($1::bigint)', '$3::int')}`,
      waitShared: `SELECT pg_advisory_xact_lock($2::bigint) FROM ${waiting('pg_advisory_lock_shared($1::bigint)', '$3::int')}`,
      waitPermit: `SELECT 1 FROM ${waiting('pg_advisory_lock($1::bigint)', '$2::int')}`,
      confirm: `SELECT CASE WHEN pg_backend_pid() <> $2::int THEN ${ELSEWHERE}
        WHEN ${held} IS NULL THEN NULL ELSE ${token} END AS token`,
      enterGate: `SELECT pg_advisory_lock($1::bigint) FROM (SELECT ${PATIENT} OFFSET 0) AS s`,
      leaveGate: `SELECT pg_advisory_unlock($2::bigint), pg_advisory_unlock($1::bigint) AS done`,
      keepFor: `SELECT ${held}`,
      undoPermit: `SELECT pg_advisory_unlock(key), CASE WHEN $4::boolean THEN pg_advisory_unlock_shared($1::bigint) END
        FROM (SELECT ${KEY} AS key FROM pg_locks WHERE ${ADVISORY} AND pid = pg_backend_pid()
          AND ${KEY} BETWEEN $1::bigint + 1 AND $1::bigint + $2::int
          AND NOT (${KEY} - $1::bigint - 1 = ANY ($3::int[])) OFFSET 0) AS mine`,
      isWaiting: `SELECT EXISTS (SELECT FROM pg_locks WHERE pid = $1::int AND NOT granted) AS waits`,
      evict: `WITH l AS MATERIALIZED (
          SELECT pid, ${KEY} AS key, mode, granted, waitstart FROM pg_locks WHERE ${ADVISORY} AND ${KEY} IN ($1::bigint, $2::bigint)),
        m AS (SELECT pid, objid::bigint AS session FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2 AND classid = ${MARK}),
        me AS (SELECT waitstart FROM l WHERE pid = $3::int AND NOT granted)
        SELECT ${PATIENT}, CASE
          WHEN NOT granted AND key = $1::bigint AND l.waitstart > me.waitstart THEN false
          WHEN NOT granted THEN pg_cancel_backend(pid)
          WHEN $5::boolean THEN pg_terminate_backend(pid)
          WHEN m.session IS NULL THEN false
          ELSE pg_notify('holdfast_session_' || m.session, $1::text) IS NOT NULL
            AND pg_notify($4::text, '${STEP_BACK}') IS NOT NULL END
        FROM me, l LEFT JOIN m USING (pid) WHERE pid <> $3::int`,
      query: `WITH l AS MATERIALIZED (
          SELECT pid, classid, objid, objsubid, mode, granted, waitstart FROM pg_locks
          WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())),
        m AS (SELECT objid::bigint AS session, pid FROM l WHERE objsubid = 2 AND classid = ${MARK}),
        k AS (SELECT session, ${KEY} AS key, granted, waitstart FROM l JOIN m USING (pid) WHERE objsubid = 1),
        r AS (SELECT * FROM ${registry} WHERE $1::bigint IS NULL OR $1::bigint = ANY (keys) OR $2::bigint = ANY (keys))
        SELECT r.name, r.mode, r.permits, r.token, r.client_id, r.host, r.pid, extract(epoch FROM r.since) * 1000 AS since,
          CASE WHEN r.token IS NOT NULL THEN held.key IS NOT NULL ELSE m.session IS NOT NULL END AS present,
          r.mode <> 'semaphore' AND r.token IS NULL AND asks.granted AND NOT EXISTS (
            SELECT FROM k WHERE session = r.asker AND NOT granted) AS incomplete,
          CASE WHEN asks.granted THEN 0 WHEN asks.key IS NOT NULL THEN 1 ELSE 2 END AS rank,
          extract(epoch FROM asks.waitstart) * 1000000 AS waits
        FROM r LEFT JOIN m ON m.session = r.session
          LEFT JOIN k AS held ON held.session = r.session AND held.key = r.keys[1] AND held.granted AND r.token IS NOT NULL
          LEFT JOIN k AS asks ON asks.session = r.asker AND asks.key = r.keys[1] AND r.token IS NULL
        UNION ALL
        SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, false, true, 0, NULL FROM k
        WHERE ($1::bigint IS NULL OR key = $1::bigint OR key BETWEEN $2::bigint AND $2::bigint + 4294967296)
          AND NOT EXISTS (SELECT FROM r WHERE k.session IN (r.session, r.asker) AND k.key = ANY (r.keys))`,
      sweep: `DELETE FROM ${registry} WHERE since < clock_timestamp() - interval '1 minute' AND session NOT IN (
        SELECT objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2 AND classid = ${MARK})`,
      heartbeat: `SELECT pg_backend_pid() AS pid`,
      unlockAll: `SELECT pg_advisory_unlock_all() AS done, pg_try_advisory_lock(${MARK}, $1::int)`,
    }).map(([key, text]) => [key, { name: nameOf(text), text }]),
  ) as unknown as Statements;
}

/** By its text: two backends on one pool may have different schemas. */
function nameOf(text: string): string {
  return `holdfast_${createHash('sha256').update(text).digest('hex').slice(0, 16)}`;
}
