import { ConfigError } from '@holdfast/core/adapter';
import type { Adapter, LockBackend } from '@holdfast/core/adapter';
import { ownConnections, pooledConnections } from './connect.ts';
import { Connections } from './connections.ts';
import { Desk } from './desk.ts';
import { diagnose } from './diagnose.ts';
import { resolveOptions } from './options.ts';
import type { MysqlOptions } from './options.ts';
import { migrationOf, tablesOf } from './schema.ts';
import { TransactionBackend } from './transaction/backend.ts';
import { capabilities } from './transaction/capabilities.ts';
import { optionsFromUrl } from './url.ts';

export { migration, migrationOf } from './schema.ts';
export { capabilities } from './transaction/capabilities.ts';
export type { MysqlMode, MysqlOptions, MysqlTlsOptions } from './options.ts';

/** How long unused connections are kept: one's own, and those that the owner of a pool may want back. In ms. */
const IDLE_MS = 10_000;
const POOL_IDLE_MS = 500;

/** Locks on a MySQL (8.0 or later) or MariaDB (10.6 or later) server. Connects at the first request. Throws `ConfigError`. */
export function mysql(options: MysqlOptions): LockBackend {
  const { server, pool, connections: max, patienceMs, prefix } = resolveOptions(options);
  const source = pool === undefined ? ownConnections(server, patienceMs) : pooledConnections(pool, patienceMs);
  const idleMs = source.isPool ? POOL_IDLE_MS : IDLE_MS;
  const tables = tablesOf(prefix);
  const desk = new Desk({ source, tables, migration: migrationOf(prefix), idleMs });
  const connections = new Connections({ source, max: Math.max(max - 1, 1), patienceMs, idleMs });
  return new TransactionBackend({ desk, connections, tables }, () => diagnose(desk, max));
}

/** What core imports for a URL that begins with `mysql:` or `mariadb:`. */
export const adapter: Adapter = {
  name: 'mysql',
  protocols: ['mysql:', 'mariadb:'],
  capabilities,
  create({ url, options = {} }) {
    const fromUrl: MysqlOptions = url === undefined ? {} : optionsFromUrl(url);
    // Certificates have no place in a URL: `tls` may be given beside one.
    const twice = Object.keys(fromUrl).find((key) => key !== 'tls' && Object.hasOwn(options, key));
    if (twice !== undefined) throw new ConfigError(`\`${twice}\` is given twice: in the mysql URL and in the options`);
    return mysql({ ...fromUrl, ...options });
  },
};
