import { ConfigError } from '@holdfast/core/adapter';
import type { Adapter, LockBackend } from '@holdfast/core/adapter';
import { KafkaBackend } from './backend.ts';
import { capabilities } from './capabilities.ts';
import type { KafkaGrant } from './holds.ts';
import { resolveOptions } from './options.ts';
import type { KafkaOptions } from './options.ts';
import { optionsFromUrl } from './url.ts';

export { capabilities } from './capabilities.ts';
export type { KafkaGrant } from './holds.ts';
export type { KafkaOptions, TlsOptions } from './options.ts';

/** Locks in a topic of Apache Kafka. Connects at the first request. Throws `ConfigError` for a bad option. */
export function kafka(options: KafkaOptions = {}): LockBackend<KafkaGrant> {
  return new KafkaBackend(resolveOptions(options));
}

/** What core imports for a URL that begins with `kafka:`. */
export const adapter: Adapter = {
  name: 'kafka',
  protocols: ['kafka:'],
  capabilities,
  create({ url, options = {} }) {
    const fromUrl: KafkaOptions = url === undefined ? {} : optionsFromUrl(url);
    const twice = Object.keys(fromUrl).find((key) => Object.hasOwn(options, key));
    if (twice !== undefined) throw new ConfigError(`\`${twice}\` is given twice: in the kafka URL and in the options`);
    return kafka({ ...fromUrl, ...options });
  },
};
