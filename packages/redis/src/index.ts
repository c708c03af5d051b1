import type { Adapter, LockBackend } from '@holdfast/core/adapter';
import { capabilities, RedisBackend } from './backend.ts';
import type { RedisGrant } from './holds.ts';
import { connect, connectForMessages, duplicate, Link } from './link.ts';
import { optionsOf } from './options.ts';
import type { ParsedOptions, RedisOptions } from './options.ts';

export type { RedisClient } from './client.ts';
export type { RedisGrant } from './holds.ts';
export type { RedisOptions } from './options.ts';

/**
 * Locks on a Redis server, with connections of their own or with your ioredis client. Connects at the first request.
 *
 * Throws `ConfigError` for a bad option.
 */
export function redis(options: RedisOptions = {}): LockBackend<RedisGrant> {
  return open(optionsOf({ options: { ...options } }));
}

/** `redis:` and `rediss:` URLs. */
export const adapter: Adapter = {
  name: 'redis',
  protocols: ['redis:', 'rediss:'],
  capabilities,
  create: (config) => open(optionsOf(config)),
};

function open({ client, connection, prefix, timeoutMs, skewMs, quarantineMs }: ParsedOptions): RedisBackend {
  const commands = client === undefined ? connect(connection, timeoutMs) : new Link(client, false);
  const makeSubscriber = (): Link =>
    client === undefined ? connectForMessages(connection, timeoutMs) : duplicate(client, timeoutMs);
  return new RedisBackend({ commands, makeSubscriber, prefix, timeoutMs, skewMs, quarantineMs });
}
