/**
 * For how long a statement may wait for a table that somebody has locked, in ms: the heartbeat and the locks of a session come behind it on
 * the same connection.
 */
const LOCK_MS = 100;

/**
 * What a session of ours needs, as it is set at its start. A transaction pooler would lose all of it, so nothing is set before it is
 * known that there is none.
 */
export function settingsFor(idleMs: number): Readonly<Record<string, string>> {
  return {
    idle_session_timeout: String(Math.ceil(idleMs)),
    statement_timeout: '0',
    // What waits for a lock in the queue of a name sets it aside.
    lock_timeout: String(LOCK_MS),
    default_transaction_isolation: 'read committed',
    idle_in_transaction_session_timeout: '0',
    // No statement of ours gains by knowing its values, and each of them would be planned anew for the first five times.
    plan_cache_mode: 'force_generic_plan',
    // The rest finds a client that vanished while it waited: its statement is not idle.
    client_connection_check_interval: '1000',
    tcp_keepalives_idle: '5',
    tcp_keepalives_interval: '1',
    tcp_keepalives_count: '3',
    tcp_user_timeout: '5000',
    application_name: 'holdfast',
  };
}

/** In the two-key space, where the locks of names are not: held by every session of ours, with its number as the second key. */
export const MARK = 0x68_6f_6c_64;

/** All of them in one statement. `$1` the settings as JSON, `$2` the session's number. */
export const APPLY: string = `SELECT pg_try_advisory_lock(${MARK}, $2::int) AS marked,
  (SELECT count(set_config(key, value, false)) FROM json_each_text($1::json)),
  CASE WHEN current_setting('synchronous_commit') = 'off' THEN set_config('synchronous_commit', 'on', false) END`;

/** As they are now, to be set back before a connection of the user's own pool is given back. `$1` names → `name`, `value`. */
export const READ = `SELECT name, current_setting(name) AS value FROM unnest($1::text[]) AS name`;

/** `$1` as {@link READ} gave it, as JSON. */
export const RESTORE = `SELECT pg_advisory_unlock_all(), (SELECT count(set_config(key, value, false)) FROM json_each_text($1::json))`;
