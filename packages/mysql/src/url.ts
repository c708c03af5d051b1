import { ConfigError, parseHost, parseHostsUrl } from '@holdfast/core/adapter';
import type { MysqlOptions, MysqlTlsOptions } from './options.ts';

const DEFAULT_PORT = 3306;
const EXAMPLE = 'mysql://user:password@host:3306/database?connections=50';
/** MySQL's own words for what is checked. */
const SSL_MODES: Readonly<Record<string, MysqlTlsOptions | false>> = {
  DISABLED: false,
  REQUIRED: { verify: 'nothing' },
  VERIFY_CA: { verify: 'authority' },
  VERIFY_IDENTITY: { verify: 'identity' },
};
const BEFORE = ['host', 'port', 'socketPath', 'username', 'password', 'database', 'pool'];

/** `mysql://user:password@host:port/database?parameters`, or `mariadb://`, which means the same. Throws `ConfigError`. */
export function optionsFromUrl(url: string): MysqlOptions {
  const { username, password, hosts, path, parameters } = parseHostsUrl('mysql', url, EXAMPLE);
  const [first, ...more] = hosts;
  if (first === undefined || more.length > 0) {
    throw new ConfigError(
      `A mysql URL names one host, because locks live on one server; expected one such as ${EXAMPLE}`,
    );
  }
  const database = /^\/([^/]+)$/.exec(path)?.[1];
  if (database === undefined) throw new ConfigError(`A mysql URL names a database; expected one such as ${EXAMPLE}`);
  const twice = BEFORE.find((key) => Object.hasOwn(parameters, key));
  if (twice !== undefined) throw new ConfigError(`\`${twice}\` is no parameter: a mysql URL says it before them`);
  const { 'ssl-mode': sslMode, ...others } = parameters;
  return {
    ...others,
    ...(sslMode === undefined ? {} : { tls: tlsOf(sslMode) }),
    ...parseHost('mysql', first, DEFAULT_PORT),
    database,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
  };
}

function tlsOf(sslMode: string | number | boolean): MysqlTlsOptions | false {
  const tls = Object.hasOwn(SSL_MODES, String(sslMode)) ? SSL_MODES[String(sslMode)] : undefined;
  if (tls === undefined)
    throw new ConfigError(`Expected \`ssl-mode\` to be one of ${Object.keys(SSL_MODES).join(', ')}`);
  return tls;
}
