import type { Diagnosis, Finding } from '@holdfast/core/adapter';
import type { Desk } from './desk.ts';
import { isTooOld } from './dialect.ts';
import { unavailable } from './errors.ts';

const VARIABLES = [
  'binlog_format',
  'group_replication_single_primary_mode',
  'innodb_flush_log_at_trx_commit',
  'max_connections',
  'read_only',
  'version',
  'version_comment',
  'wsrep_on',
];

/** The desk has connected: user, database, tables and the way to the server are well. */
export async function diagnose(desk: Desk, connections: number): Promise<Diagnosis> {
  try {
    const rows = await desk.rows(`SHOW VARIABLES WHERE Variable_name IN ('${VARIABLES.join(`', '`)}')`);
    const variables = new Map(rows.map(([name, value]) => [String(name), String(value)]));
    const version = variables.get('version') ?? '';
    const product = /mariadb/i.test(version) ? 'mariadb' : 'mysql';
    return { server: `${product} ${version}`, findings: [...findings(variables, version, connections)] };
  } catch (error) {
    throw unavailable(error);
  }
}

function* findings(variables: ReadonlyMap<string, string>, version: string, connections: number): Generator<Finding> {
  if (isTooOld(version)) yield { level: 'error', message: 'needs MySQL 8.0 or MariaDB 10.6 at least' };
  yield variables.get('wsrep_on') === 'ON'
    ? { level: 'error', message: 'Galera is on: locks of rows end at the node; let all clients use one node' }
    : { level: 'ok', message: 'Galera is off' };
  if (variables.get('group_replication_single_primary_mode') === 'OFF')
    yield { level: 'error', message: 'group replication with several primaries: locks of rows end at the member' };
  if (variables.get('read_only') === 'ON')
    yield { level: 'error', message: 'read_only is on: locks need a server that accepts writes' };
  if (variables.get('binlog_format') === 'STATEMENT')
    yield {
      level: 'error',
      message: 'binlog_format is STATEMENT, with which READ COMMITTED does not go; use ROW or MIXED',
    };
  const flush = variables.get('innodb_flush_log_at_trx_commit');
  yield flush === '1'
    ? { level: 'ok', message: 'innodb_flush_log_at_trx_commit is 1' }
    : {
        level: 'warning',
        message: `innodb_flush_log_at_trx_commit is ${flush}: a crash may lose the last tokens; they go on by the server's clock, which must not go back then`,
      };
  const most = Number(variables.get('max_connections'));
  yield connections <= most
    ? { level: 'ok', message: `max_connections is ${most}, this client's \`connections\` ${connections}` }
    : {
        level: 'warning',
        message: `max_connections is ${most}, fewer than the \`connections\` of this client alone: ${connections}`,
      };
}
