import { ConfigError } from '@holdfast/core/adapter';
import type { Adapter, LockBackend } from '@holdfast/core/adapter';
import { PostgresBackend } from './backend.ts';
import type { PostgresGrant } from './hold.ts';
import { capabilities } from './capabilities.ts';
import { resolveOptions } from './options.ts';
import type { PostgresOptions } from './options.ts';
import { ownConnections, pooledConnections } from './source.ts';
import { optionsFromUrl } from './url.ts';

export { capabilities } from './capabilities.ts';
export { migration } from './schema.ts';
export { lockInTransaction } from './transaction.ts';
export type { TransactionClient, TransactionLock, TransactionLockOptions } from './transaction.ts';
export type { PostgresGrant } from './hold.ts';
export type { PostgresOptions, TlsOptions } from './options.ts';

/** Locks in a PostgreSQL database (14 or later). Connects at the first request. Throws `ConfigError` for a bad option. */
export function postgres(options: PostgresOptions = {}): LockBackend<PostgresGrant> {
  const { from, ...rest } = resolveOptions(options);
  const source = 'pool' in from ? pooledConnections(from.pool) : ownConnections(from.config);
  return new PostgresBackend({ source, ...rest });
}

/** What core imports for a URL that begins with `postgres:` or `postgresql:`. */
export const adapter: Adapter = {
  name: 'postgres',
  protocols: ['postgres:', 'postgresql:'],
  capabilities,
  create({ url, options = {} }) {
    const fromUrl: PostgresOptions = url === undefined ? {} : optionsFromUrl(url);
    // Certificates have no place in a URL: `tls` may be given beside one.
    const twice = Object.keys(fromUrl).find((key) => key !== 'tls' && Object.hasOwn(options, key));
    if (twice !== undefined)
      throw new ConfigError(`\`${twice}\` is given twice: in the postgres URL and in the options`);
    return postgres({ ...fromUrl, ...options });
  },
};
