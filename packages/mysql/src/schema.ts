/** The tables of one prefix. Names and ids are bytes: no collation, no folding of case, accents or trailing blanks. */
export interface Tables {
  /** A row per name in use; the lock is the lock of its row. */
  readonly lock: string;
  /** The last fencing token of each name; always written by transactions of their own. */
  readonly token: string;
  /** Who holds and who waits. Its rows are never committed: they are there for as long as the transaction that holds or waits. */
  readonly request: string;
  /** Holds that were stolen, for their holders to see. */
  readonly theft: string;
  /** The queues of `mode: 'lease'`, one row per name. */
  readonly queue: string;
}

export const DEFAULT_PREFIX = 'holdfast_';

export function tablesOf(prefix: string): Tables {
  const table = (name: string): string => `\`${prefix}${name}\``;
  return {
    lock: table('lock'),
    token: table('token'),
    request: table('request'),
    theft: table('theft'),
    queue: table('queue'),
  };
}

/** One statement per table; safe to run by many at once, and again. */
export function createTables(tables: Tables): readonly string[] {
  return [
    `CREATE TABLE IF NOT EXISTS ${tables.lock} (
  name VARBINARY(1024) NOT NULL PRIMARY KEY
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC`,
    `CREATE TABLE IF NOT EXISTS ${tables.token} (
  name VARBINARY(1024) NOT NULL PRIMARY KEY,
  token BIGINT NOT NULL
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC`,
    `CREATE TABLE IF NOT EXISTS ${tables.request} (
  entry BINARY(16) NOT NULL PRIMARY KEY,
  name VARBINARY(1024) NOT NULL,
  mode VARBINARY(16) NOT NULL,
  token BIGINT,
  connection BIGINT UNSIGNED NOT NULL,
  client VARBINARY(1024) NOT NULL,
  host VARBINARY(1024) NOT NULL,
  pid BIGINT NOT NULL,
  since BIGINT NOT NULL
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC`,
    `CREATE TABLE IF NOT EXISTS ${tables.theft} (
  entry BINARY(16) NOT NULL PRIMARY KEY,
  at BIGINT NOT NULL
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC`,
    `CREATE TABLE IF NOT EXISTS ${tables.queue} (
  name VARBINARY(1024) NOT NULL PRIMARY KEY,
  token BIGINT NOT NULL,
  state MEDIUMTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC`,
  ];
}

/** The SQL that creates the tables, for where the user of the locks may not: run it once as a user who may. */
export function migrationOf(prefix: string): string {
  return createTables(tablesOf(prefix))
    .map((statement) => `${statement};\n`)
    .join('');
}

/** {@link migrationOf} the default prefix. */
export const migration: string = migrationOf(DEFAULT_PREFIX);
