import { ConfigError, parseHost, parseHostsUrl } from '@holdfast/core/adapter';
import type { MysqlOptions } from './options.ts';

const DEFAULT_PORT = 3306;
const EXAMPLE = 'mysql://user:password@host:3306/database?connections=50';
const BEFORE = ['host', 'port', 'socketPath', 'username', 'password', 'database', 'pool'];

/** `mysql://user:password@host:port/database?parameters`, or `mariadb://`, which means the same. Throws `ConfigError`. */
export function optionsFromUrl(url: string): MysqlOptions {
  const { username, password, hosts, path, parameters } = parseHostsUrl('mysql', url, EXAMPLE);
  const [first, ...more] = hosts;
  if (first === undefined || more.length > 0) {
    throw new ConfigError(`A mysql URL names one host, because locks live on one server; expected one such as ${EXAMPLE}`);
  }
  const database = /^\/([^/]+)$/.exec(path)?.[1];
  if (database === undefined) throw new ConfigError(`A mysql URL names a database; expected one such as ${EXAMPLE}`);
  const twice = BEFORE.find((key) => Object.hasOwn(parameters, key));
  if (twice !== undefined) throw new ConfigError(`\`${twice}\` is no parameter: a mysql URL says it before them`);
  return {
    ...parameters,
    ...parseHost('mysql', first, DEFAULT_PORT),
    database,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
  };
}
