import { ConfigError } from '@holdfast/core/adapter';
import type { Adapter, Diagnosis, LockBackend } from '@holdfast/core/adapter';
import { ownConnections, pooledConnections } from './connect.ts';
import { Connections } from './connections.ts';
import { Desk } from './desk.ts';
import { diagnose } from './diagnose.ts';
import { LeaseBackend } from './lease/backend.ts';
import { Queues } from './lease/queues.ts';
import { resolveOptions } from './options.ts';
import type { MysqlOptions } from './options.ts';
import { migrationOf, tablesOf } from './schema.ts';
import { Sweep } from './sweep.ts';
import { TransactionBackend } from './transaction/backend.ts';
import { KnownNames } from './transaction/known-names.ts';
import { capabilities } from './transaction/capabilities.ts';
import { optionsFromUrl } from './url.ts';

export { migration, migrationOf } from './schema.ts';
export { capabilities as leaseCapabilities } from './lease/capabilities.ts';
export { capabilities } from './transaction/capabilities.ts';
export type { MysqlMode, MysqlOptions, MysqlTlsOptions } from './options.ts';

/** How long unused connections are kept: one's own, and those that the owner of a pool may want back. In ms. */
const IDLE_MS = 10_000;
const POOL_IDLE_MS = 500;

/** Locks on a MySQL (8.0 or later) or MariaDB (10.6 or later) server. Connects at the first request. Throws `ConfigError`. */
export function mysql(options: MysqlOptions): LockBackend {
  const { server, pool, mode, connections: max, patienceMs, prefix, keepMs, skewMs } = resolveOptions(options);
  const source = pool === undefined ? ownConnections(server, patienceMs) : pooledConnections(pool, patienceMs);
  const idleMs = source.isPool ? POOL_IDLE_MS : IDLE_MS;
  const tables = tablesOf(prefix);
  const desk = new Desk({ source, tables, migration: migrationOf(prefix), idleMs });
  // One is the desk's.
  const connections = new Connections({
    source,
    use: mode === 'transaction' ? 'locks' : 'queues',
    max: Math.max(max - 1, 1),
    patienceMs,
    idleMs,
  });
  const ask = (): Promise<Diagnosis> => diagnose(desk, max);
  const sweep = new Sweep({ desk, connections, tables, kept: mode === 'transaction' ? 'lock' : 'queue', keepMs });
  const close = (): void => {
    sweep.close();
    connections.close();
    desk.close();
  };
  if (mode === 'lease') {
    return new LeaseBackend({ queues: new Queues(connections, desk, tables), skewMs, diagnose: ask, close });
  }
  return new TransactionBackend({
    context: { desk, connections, tables, known: new KnownNames() },
    diagnose: ask,
    close,
  });
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
    return mysql({ ...fromUrl, ...options, ...tlsOf(fromUrl.tls, options['tls']) });
  },
};

/** What the URL says is checked, with the certificates of the options. */
function tlsOf(fromUrl: MysqlOptions['tls'], given: unknown): Pick<MysqlOptions, 'tls'> {
  if (typeof fromUrl !== 'object' || typeof given !== 'object') return {};
  return { tls: { ...fromUrl, ...given } };
}
