import { ConfigError, parseHostsUrl, parseHost } from '@holdfast/core/adapter';
import type { PostgresOptions } from './options.ts';

const DEFAULT_PORT = 5432;
const EXAMPLE = 'postgres://user:password@host:5432/database';

/** As libpq has them; without `verify-…` anybody may pose as the server. `prefer` and `allow` can't be told from a failure, and are refused. */
const sslModes: Readonly<Record<string, PostgresOptions['tls']>> = {
  disable: false,
  require: { rejectUnauthorized: false },
  'verify-ca': true,
  'verify-full': true,
};

/** `postgres://user:password@host:5432/database?sslmode=verify-full&connections=20`. Throws `ConfigError`. */
export function optionsFromUrl(url: string): PostgresOptions {
  const { username, password, hosts, path, parameters } = parseHostsUrl('postgres', url, EXAMPLE);
  const [first = ''] = hosts;
  if (hosts.length > 1) throw new ConfigError(`Expected one host in the postgres URL, such as ${EXAMPLE}`);
  const { sslmode, ...rest } = parameters;
  const given = ['host', 'port', 'user', 'password', 'database', 'tls', 'pool'].find((key) => Object.hasOwn(rest, key));
  if (given !== undefined) {
    throw new ConfigError(`\`${given}\` can't be a parameter of a postgres URL; expected one such as ${EXAMPLE}`);
  }
  const { host, port } = parseHost('postgres', first, DEFAULT_PORT);
  const database = path.slice(1);
  return {
    ...rest,
    host,
    port,
    ...(username === undefined || username === '' ? {} : { user: username }),
    ...(password === undefined ? {} : { password }),
    ...(database === '' ? {} : { database }),
    ...(sslmode === undefined ? {} : { tls: tlsOf(sslmode) }),
  };
}

function tlsOf(mode: string | number | boolean): PostgresOptions['tls'] {
  const text = String(mode);
  if (!Object.hasOwn(sslModes, text)) {
    throw new ConfigError(`Expected \`sslmode\` in the postgres URL to be one of ${Object.keys(sslModes).join(', ')}`);
  }
  return sslModes[text];
}
