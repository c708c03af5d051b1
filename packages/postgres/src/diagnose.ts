import type { Diagnosis, Finding } from '@holdfast/core/adapter';
import type { Client } from 'pg';

const ASK = `SELECT current_setting('server_version') AS version, pg_is_in_recovery() AS standby,
  current_setting('max_connections')::int AS connections, current_setting('max_locks_per_transaction')::int AS locks,
  current_setting('max_prepared_transactions')::int AS prepared, current_setting('synchronous_standby_names') AS standbys,
  current_setting('fsync') AS fsync, (SELECT count(*)::int FROM pg_locks) AS used,
  pg_has_role(current_user, 'pg_signal_backend', 'MEMBER') AS signals`;

interface Answer {
  readonly version: string;
  readonly standby: boolean;
  readonly connections: number;
  readonly locks: number;
  readonly prepared: number;
  readonly standbys: string;
  readonly fsync: string;
  readonly used: number;
  readonly signals: boolean;
}

/** On a connection that was opened for locks: version, pooler, objects and privileges have been checked by that. */
export async function diagnose(client: Client): Promise<Diagnosis> {
  const { rows } = await client.query<Answer>(ASK);
  const answer = rows[0] as Answer;
  const room = answer.locks * (answer.connections + answer.prepared);
  const findings: Finding[] = [
    { level: 'ok', message: 'the sequence and the registry are there, and may be used' },
    answer.standby
      ? { level: 'error', message: 'this is a standby: locks need the primary' }
      : { level: 'ok', message: 'this is a primary' },
    answer.used > room / 2
      ? {
          level: 'warning',
          message: `${answer.used} of about ${room} locks are in use: raise max_locks_per_transaction (now ${answer.locks})`,
        }
      : { level: 'ok', message: `room for about ${room} locks at once (max_locks_per_transaction × connections)` },
    ...(answer.fsync === 'off'
      ? [{ level: 'warning', message: 'fsync is off: tokens may repeat after a crash of the machine' } as const]
      : []),
    ...(answer.signals
      ? []
      : [{ level: 'ok', message: 'may steal from sessions of its own user only (not in pg_signal_backend)' } as const]),
  ];
  return { server: `PostgreSQL ${answer.version}`, findings };
}
