import type { ServerKind } from '../server.ts';
import { AS_POSTGRES } from './as-postgres.ts';
import { askPostgres } from './ask-postgres.ts';

/**
 * `$1` is the directory, `$2` the password or nothing, `$3` the connections that are served: host or hostssl. The shell
 * becomes the server, which tells its pid in `cluster_name`.
 */
const START = `
set -eu
umask 077
export LC_ALL=C
dir=$1 password=$2 served=$3
shift 3
for bin in /usr/lib/postgresql/*/bin; do
  if [ -x "$bin/postgres" ]; then PATH=$bin:$PATH; fi
done
if [ ! -d "$dir/data" ]; then
  rm -rf "$dir/new"
  printf '%s\\n' "$password" > "$dir/password"
  if [ -n "$password" ]; then method=scram-sha-256 secret=--pwfile=$dir/password; else method=trust secret=; fi
  initdb -D "$dir/new" -U postgres -A "$method" \${secret:+"$secret"} --no-sync --no-locale -E UTF8 > /dev/null
  echo 'CREATE DATABASE holdfast' | postgres --single -D "$dir/new" -c fsync=off postgres > /dev/null
  echo "$served all all all $method" > "$dir/new/pg_hba.conf"
  if [ -f "$dir/server.key" ]; then chmod 600 "$dir/server.key"; fi
  rm "$dir/password"
  mv "$dir/new" "$dir/data"
fi
exec postgres -D "$dir/data" -c cluster_name="holdfast-$$" "$@"
`;

/** Its `args` are further ones of `postgres`, such as `-c` and `max_connections=10`. */
export const postgres: ServerKind = {
  name: 'postgres',
  environmentVariable: 'HOLDFAST_TEST_POSTGRES_URL',
  image: 'postgres',
  containerPort: 5432,
  binary: 'sh',
  aptPackage: 'postgresql',
  installedFile: '/usr/bin/pg_ctlcluster',

  args({ host, port, dir }, { password = '', tls, args = [] }) {
    const settings = {
      listen_addresses: host,
      port,
      unix_socket_directories: '',
      max_connections: 400,
      // What a killed server leaves in /dev/shm would stay: in a file it goes with the directory.
      dynamic_shared_memory_type: 'mmap',
      // What the kernel has outlives a SIGKILL without any fsync; what the server has yet to write is lost as ever.
      fsync: 'off',
      ...(tls ? { ssl: 'on', ssl_cert_file: `${dir}/server.crt`, ssl_key_file: `${dir}/server.key` } : {}),
    };
    return [
      ...['-c', AS_POSTGRES, 'as-postgres', START, 'postgres', dir, password, tls ? 'hostssl' : 'host'],
      ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
      ...args,
    ];
  },

  url(port, { password, tls }) {
    const secret = password === undefined ? '' : `:${encodeURIComponent(password)}`;
    return `postgres://postgres${secret}@127.0.0.1:${port}/holdfast${tls ? '?sslmode=require' : ''}`;
  },

  async probe(url, ca) {
    const [row] = await askPostgres<{ version: string; name: string }>(
      url,
      ca,
      `SELECT current_setting('server_version') AS version, current_setting('cluster_name') AS name`,
    );
    const pid = Number(/^holdfast-(\d+)$/.exec(row?.name ?? '')?.[1]);
    return { version: row?.version.split(' ')[0] ?? '', ...(pid > 0 ? { pid } : {}) };
  },
};
