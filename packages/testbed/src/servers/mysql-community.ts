import type { ServerKind } from '../server.ts';
import { firstSql, mysql, sharedArgs } from './mysql.ts';

/** As that of MariaDB, which has another program for the first start. */
const START = `
set -eu
umask 077
dir=$1 sql=$2
shift 2
mkdir -p "$dir"
set -- --no-defaults --user="$(id -un)" --tmpdir="$dir" "$@"
if [ ! -d "$dir/data" ]; then
  rm -rf "$dir/new"
  printf '%s' "$sql" > "$dir/first.sql"
  mysqld "$@" --initialize-insecure --datadir="$dir/new" --init-file="$dir/first.sql"
  rm "$dir/first.sql"
  mv "$dir/new" "$dir/data"
fi
exec mysqld "$@" --datadir="$dir/data" --socket="$dir/socket" --pid-file="$dir/$$.pid"
`;

/** MySQL itself, where `mysql` is MariaDB. Its `args` are further ones of the server. */
export const mysqlCommunity: ServerKind = {
  ...mysql,
  name: 'mysql-community',
  environmentVariable: 'HOLDFAST_TEST_MYSQL_COMMUNITY_URL',
  image: 'mysql-community',
  aptPackage: '',
  installedFile: undefined,
  debianProgram: { suite: 'sid', package: 'mysql-server-core', program: 'mysqld' },

  args: (place, options) => [
    ...['-c', START, 'mysql', place.dir, firstSql(options)],
    ...['--mysqlx=OFF', '--disable-log-bin', '--innodb-redo-log-capacity=64M', '--innodb-flush-method=nosync'],
    // The package's own are outside of our directory, or come from a key that takes its time.
    ...['--secure-file-priv=NULL', '--auto-generate-certs=OFF'],
    ...sharedArgs(place, options),
  ],
};
