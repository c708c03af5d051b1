/** What MariaDB and MySQL say differently, and nothing else. */
export interface Dialect {
  readonly product: 'MariaDB' | 'MySQL';
  /** The clause of a shared locking read; `NOWAIT` may follow. */
  readonly share: string;
  readonly isolationVariable: 'tx_isolation' | 'transaction_isolation';
  /** MySQL's older one can't show statements with bytes in them. */
  readonly processlist: 'information_schema.PROCESSLIST' | 'performance_schema.processlist';
  /** Session settings that only one of them has. Zero switches a limit off that an administrator may have set for all. */
  readonly settings: readonly string[];
  /** What a statement that was prepared by `PREPARE` is executed by, the last of them; the values are expressions. */
  execute(name: string, values: readonly string[]): readonly string[];
}

const mariadb: Dialect = {
  product: 'MariaDB',
  share: 'LOCK IN SHARE MODE',
  isolationVariable: 'tx_isolation',
  processlist: 'information_schema.PROCESSLIST',
  settings: [
    // Each of them would overrule `wait_timeout` in a transaction.
    'idle_transaction_timeout = 0',
    'idle_readonly_transaction_timeout = 0',
    'idle_write_transaction_timeout = 0',
    // It would end waits.
    'max_statement_time = 0',
  ],
  execute: (name, values) => [`EXECUTE ${name} USING ${values.join(', ')}`],
};

const mysql: Dialect = {
  product: 'MySQL',
  share: 'FOR SHARE',
  isolationVariable: 'transaction_isolation',
  processlist: 'performance_schema.processlist',
  settings: ['max_execution_time = 0'],
  // It takes variables only.
  execute: (name, values) => [
    `SET ${values.map((value, at) => `@holdfast_${at} = ${value}`).join(', ')}`,
    `EXECUTE ${name} USING ${values.map((_, at) => `@holdfast_${at}`).join(', ')}`,
  ],
};

/** By what `VERSION()` says. */
export function dialectOf(version: string): Dialect {
  return /mariadb/i.test(version) ? mariadb : mysql;
}

/** Below them `NOWAIT` or what is said here is missing or untested. */
export function isTooOld(version: string): boolean {
  const [major = 0, minor = 0] = (/\d+\.\d+/.exec(version.replace(/^5\.5\.5-/, ''))?.[0] ?? '').split('.').map(Number);
  return dialectOf(version) === mariadb ? major < 10 || (major === 10 && minor < 6) : major < 8;
}
