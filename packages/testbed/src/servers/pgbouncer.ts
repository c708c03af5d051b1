import type { Place, RunningServer, ServerKind, ServerOptions } from '../server.ts';
import { startKind } from '../start.ts';
import { AS_POSTGRES } from './as-postgres.ts';
import { askPostgres } from './ask-postgres.ts';

export interface PgBouncerOptions extends Pick<ServerOptions, 'source'> {
  /** Default: `session`, as PgBouncer's own. */
  readonly poolMode?: 'session' | 'transaction' | 'statement';
  /** Further lines of the section `[pgbouncer]`, such as `default_pool_size=1`. */
  readonly args?: readonly string[];
}

/** `$1` is the directory, `$2` the configuration, `$3` its users. A container's user may not make the directory. */
const START = `
set -eu
umask 077
if [ -d "$1" ]; then cd "$1"; else cd "$(mktemp -d)"; fi
printf '%s\\n' "$2" "auth_file = $PWD/users" "pidfile = $PWD/$$.pid" > pgbouncer.ini
printf '%s\\n' "$3" > users
rm -f ./*.pid
exec pgbouncer pgbouncer.ini
`;

/**
 * PgBouncer in front of a PostgreSQL server without TLS, of which it has every database and every user, with the password
 * of that server's URL if it has one. A server of one's own like any other.
 */
export function startPgBouncer(
  postgresUrl: string,
  { source, ...options }: PgBouncerOptions = {},
): Promise<RunningServer> {
  return startKind(pgbouncer(new URL(postgresUrl), options), source === undefined ? {} : { source });
}

function pgbouncer(postgres: URL, options: PgBouncerOptions): ServerKind {
  const [user, password] = [postgres.username, postgres.password].map(decodeURIComponent) as [string, string];
  return {
    name: 'pgbouncer',
    environmentVariable: 'HOLDFAST_TEST_PGBOUNCER_URL',
    image: 'pgbouncer',
    containerPort: 5432,
    // Without a server the entrypoint writes no configuration, which is none of ours, and ends.
    containerEnvironment: { DB_HOST: 'unused' },
    binary: 'sh',
    aptPackage: 'pgbouncer',
    installedFile: '/usr/sbin/pgbouncer',

    args(place) {
      const users = `${quote(user)} ${quote(password)}`;
      const configuration = configurationOf(place, postgres, options).join('\n');
      return ['-c', AS_POSTGRES, 'as-postgres', START, 'pgbouncer', place.dir, configuration, users];
    },

    url(port) {
      const url = new URL(postgres);
      url.port = `${port}`;
      return url.href;
    },

    async probe(url) {
      // Both: that it serves, and what it is.
      await askPostgres(url, undefined, 'SELECT 1');
      const console = new URL(url);
      console.pathname = '/pgbouncer';
      const [about] = await askPostgres<{ version: string }>(console.href, undefined, 'SHOW VERSION');
      const settings = await askPostgres<{ key: string; value: string }>(console.href, undefined, 'SHOW CONFIG');
      const pidfile = settings.find(({ key }) => key === 'pidfile')?.value;
      const version = /[\d.]+/.exec(about?.version ?? '')?.[0] ?? '';
      return { version, pid: Number(/(\d+)\.pid$/.exec(pidfile ?? '')?.[1]) };
    },
  };
}

function configurationOf({ host, port }: Place, postgres: URL, { poolMode, args = [] }: PgBouncerOptions): string[] {
  // In a container, which alone listens on all addresses, `127.0.0.1` is the container.
  const server = host === '0.0.0.0' ? 'host.docker.internal' : postgres.hostname;
  const user = decodeURIComponent(postgres.username);
  return [
    '[databases]',
    `* = host=${server} port=${postgres.port || 5432} auth_user=${user}`,
    '[pgbouncer]',
    ...[`listen_addr = ${host}`, `listen_port = ${port}`, 'unix_socket_dir ='],
    ...[`pool_mode = ${poolMode ?? 'session'}`, 'max_client_conn = 400', `admin_users = ${user}`],
    `auth_type = ${postgres.password === '' ? 'trust' : 'scram-sha-256'}`,
    ...args,
  ];
}

/** As in PgBouncer's list of users. */
function quote(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}
