import { createConnection } from 'mysql2/promise';
import type { RowDataPacket } from 'mysql2/promise';
import type { Place, ServerKind, ServerOptions } from '../server.ts';

/** In ms, for the connection and for the answer. */
const TIMEOUT_MS = 1000;

/**
 * `$1` is the directory, `$2` the first SQL; the rest goes to the server. The shell becomes the server, whose pid is
 * the name of its pid file.
 */
const START = `
set -eu
umask 077
dir=$1 sql=$2
shift 2
mkdir -p "$dir"
if [ ! -d "$dir/data" ]; then
  rm -rf "$dir/new"
  mkdir "$dir/new"
  printf '%s' "$sql" > "$dir/first.sql"
  mariadb-install-db --no-defaults --user="$(id -un)" --datadir="$dir/new" --extra-file="$dir/first.sql" \\
    --auth-root-authentication-method=normal --skip-test-db > /dev/null
  rm "$dir/first.sql"
  mv "$dir/new" "$dir/data"
fi
exec mariadbd --no-defaults --user="$(id -un)" --datadir="$dir/data" --tmpdir="$dir" --socket="$dir/socket" \\
  --pid-file="$dir/$$.pid" "$@"
`;

/** MariaDB. Its `args` are further ones of the server, such as `--max-connections=10`. */
export const mysql: ServerKind = {
  name: 'mysql',
  environmentVariable: 'HOLDFAST_TEST_MYSQL_URL',
  image: 'mysql',
  containerPort: 3306,
  binary: 'sh',
  aptPackage: 'mariadb-server',
  installedFile: '/usr/sbin/mariadbd',

  args(place, options) {
    return [
      '-c',
      START,
      'mysql',
      place.dir,
      firstSql(options),
      '--innodb-log-file-size=16M',
      ...sharedArgs(place, options),
    ];
  },

  url(port, { password, tls }) {
    const secret = password === undefined ? '' : `:${encodeURIComponent(password)}`;
    return `mysql://root${secret}@127.0.0.1:${port}/holdfast${tls ? '?tls=true' : ''}`;
  },

  async probe(url, ca) {
    const { hostname: host, port, pathname, username, password } = new URL(url);
    const connection = await createConnection({
      ...{ host, port: Number(port) || 3306, database: decodeURIComponent(pathname.slice(1)) },
      ...{ user: decodeURIComponent(username), password: decodeURIComponent(password) },
      ...(ca === undefined ? {} : { ssl: { ca } }),
      connectTimeout: TIMEOUT_MS,
    });
    try {
      const [rows] = await connection.query<RowDataPacket[]>({
        sql: 'SELECT VERSION() AS version, @@pid_file AS file',
        timeout: TIMEOUT_MS,
      });
      const { version, file } = rows[0] as { version: string; file: string };
      const pid = Number(/(\d+)\.pid$/.exec(file)?.[1]);
      return { version, ...(pid > 0 ? { pid } : {}) };
    } finally {
      connection.destroy();
    }
  },
};

/** That both MariaDB and MySQL understand. */
export function sharedArgs({ host, port, dir }: Place, { tls, args = [] }: ServerOptions): string[] {
  return [
    ...[`--bind-address=${host}`, `--port=${port}`, '--skip-name-resolve', '--max-connections=400'],
    // Written at each commit, forced to the disk now and then: what the kernel has outlives a SIGKILL.
    ...['--innodb-buffer-pool-size=64M', '--innodb-flush-log-at-trx-commit=2'],
    ...(tls ? [`--ssl-cert=${dir}/server.crt`, `--ssl-key=${dir}/server.key`, '--require-secure-transport=ON'] : []),
    ...args,
  ];
}

/** A user who may do everything, from anywhere. */
export function firstSql({ password = '' }: ServerOptions): string {
  const quoted = `'${password.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
  return [
    'CREATE DATABASE holdfast;',
    'FLUSH PRIVILEGES;',
    // This one has no password, and would come before the other.
    "DROP USER IF EXISTS root@'127.0.0.1';",
    `CREATE USER root@'%' IDENTIFIED BY ${quoted};`,
    "GRANT ALL ON *.* TO root@'%' WITH GRANT OPTION;",
    '',
  ].join('\n');
}
