import { ConfigError } from '@holdfast/core/adapter';
import type { Adapter, LockBackend } from '@holdfast/core/adapter';
import { EtcdBackend } from './backend.ts';
import type { EtcdGrant } from './backend.ts';
import { capabilities } from './capabilities.ts';
import { connect } from './connect.ts';
import { resolveOptions } from './options.ts';
import type { EtcdOptions } from './options.ts';
import { optionsFromUrl } from './url.ts';

export { capabilities } from './capabilities.ts';
export type { EtcdGrant } from './backend.ts';
export type { EtcdOptions } from './options.ts';

/** Locks in an etcd cluster (3.4 or later). Connects at the first request. Throws `ConfigError` for a bad option. */
export function etcd(options: EtcdOptions = {}): LockBackend<EtcdGrant> {
  const resolved = resolveOptions(options);
  return new EtcdBackend(connect(resolved), resolved.prefix);
}

/** What core imports for a URL that begins with `etcd:` or `etcds:`. */
export const adapter: Adapter = {
  name: 'etcd',
  protocols: ['etcd:', 'etcds:'],
  capabilities,
  create({ url, options = {} }) {
    const fromUrl: EtcdOptions = url === undefined ? {} : optionsFromUrl(url);
    // Certificates have no place in a URL: `tls` may be given beside etcds://.
    const twice = Object.keys(fromUrl).find((key) => key !== 'tls' && Object.hasOwn(options, key));
    if (twice !== undefined) throw new ConfigError(`\`${twice}\` is given twice: in the etcd URL and in the options`);
    return etcd({ ...fromUrl, ...options });
  },
};
