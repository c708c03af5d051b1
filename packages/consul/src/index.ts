import { ConfigError } from '@holdfast/core/adapter';
import type { Adapter, LockBackend } from '@holdfast/core/adapter';
import { Agents } from './agents.ts';
import { ConsulBackend } from './backend.ts';
import type { ConsulGrant } from './backend.ts';
import { capabilities, capabilitiesFor } from './capabilities.ts';
import { Consul } from './consul.ts';
import { resolveOptions } from './options.ts';
import type { ConsulOptions } from './options.ts';
import { optionsFromUrl } from './url.ts';

export { capabilities } from './capabilities.ts';
export type { ConsulGrant } from './backend.ts';
export type { ConsulOptions, TlsOptions } from './options.ts';

/** Locks in a Consul cluster. Connects at the first request. Throws `ConfigError` for a bad option. */
export function consul(options: ConsulOptions = {}): LockBackend<ConsulGrant> {
  const { agents, scope, place, sessionTtlMinMs } = resolveOptions(options);
  return new ConsulBackend(new Consul(new Agents(agents), scope), place, capabilitiesFor(sessionTtlMinMs));
}

/** What core imports for a URL that begins with `consul:` or `consuls:`. */
export const adapter: Adapter = {
  name: 'consul',
  protocols: ['consul:', 'consuls:'],
  capabilities,
  create({ url, options = {} }) {
    const fromUrl: ConsulOptions = url === undefined ? {} : optionsFromUrl(url);
    // Certificates have no place in a URL: `tls` may be given beside consuls://.
    const twice = Object.keys(fromUrl).find((key) => key !== 'tls' && Object.hasOwn(options, key));
    if (twice !== undefined) throw new ConfigError(`\`${twice}\` is given twice: in the Consul URL and in the options`);
    return consul({ ...fromUrl, ...options });
  },
};
