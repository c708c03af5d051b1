import { ConfigError } from '@holdfast/core/adapter';
import type { Adapter, LockBackend } from '@holdfast/core/adapter';
import { RabbitmqBackend } from './backend.ts';
import type { RabbitmqGrant } from './backend.ts';
import { capabilities } from './capabilities.ts';
import { resolveOptions } from './options.ts';
import type { RabbitmqOptions } from './options.ts';
import { optionsFromUrl } from './url.ts';

export { capabilities } from './capabilities.ts';
export type { RabbitmqGrant } from './backend.ts';
export type { RabbitmqOptions } from './options.ts';

/** Locks in RabbitMQ (3.10 or later). Connects at the first request. Throws `ConfigError` for a bad option. */
export function rabbitmq(options: RabbitmqOptions = {}): LockBackend<RabbitmqGrant> {
  return new RabbitmqBackend(resolveOptions(options));
}

/** What core imports for a URL that begins with `amqp:` or `amqps:`. */
export const adapter: Adapter = {
  name: 'rabbitmq',
  protocols: ['amqp:', 'amqps:'],
  capabilities,
  create({ url, options = {} }) {
    const fromUrl: RabbitmqOptions = url === undefined ? {} : optionsFromUrl(url);
    // Certificates have no place in a URL: `tls` may be given beside amqps://.
    const twice = Object.keys(fromUrl).find((key) => key !== 'tls' && Object.hasOwn(options, key));
    if (twice !== undefined) throw new ConfigError(`\`${twice}\` is given twice: in the AMQP URL and in the options`);
    return rabbitmq({ ...fromUrl, ...options });
  },
};
