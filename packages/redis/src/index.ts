import type { Adapter, LockBackend } from '@holdfast/core/adapter';
import { capabilities, RedisBackend } from './backend.ts';
import type { RedisGrant } from './holds.ts';
import { connect, connectForMessages, duplicate, Link } from './link.ts';
import { optionsOf } from './options.ts';
import type { ParsedOptions, RedisOptions } from './options.ts';
import { connectorTo } from './sentinel/connector.ts';
import { Sentinels } from './sentinel/sentinels.ts';

export type { RedisClient } from './client.ts';
export type { RedisGrant } from './holds.ts';
export type { RedisOptions } from './options.ts';
export type { SentinelOptions } from './sentinel/options.ts';

/**
 * Locks on a Redis server, with connections of their own or with your ioredis client. Connects at the first request.
 *
 * Throws `ConfigError` for a bad option.
 */
export function redis(options: RedisOptions = {}): LockBackend<RedisGrant> {
  return open(optionsOf({ options: { ...options } }));
}

/** `redis:` and `rediss:` URLs, `redis+sentinel:` and `rediss+sentinel:` ones. */
export const adapter: Adapter = {
  name: 'redis',
  protocols: ['redis:', 'rediss:', 'redis+sentinel:', 'rediss+sentinel:'],
  capabilities,
  create: (config) => open(optionsOf(config)),
};

function open({ client, connection, sentinels: watched, ...options }: ParsedOptions): RedisBackend {
  const { timeoutMs } = options;
  if (client !== undefined) {
    return new RedisBackend({
      ...options,
      commands: new Link(client, false),
      makeSubscriber: () => duplicate(client, timeoutMs),
    });
  }
  const sentinels = watched === undefined ? undefined : new Sentinels(watched);
  // Both connections go where the same word leads them.
  const way =
    sentinels === undefined ? connection : { ...connection, Connector: connectorTo(sentinels, connection, timeoutMs) };
  return new RedisBackend({
    ...options,
    commands: connect(way, timeoutMs, sentinels?.title),
    makeSubscriber: () => connectForMessages(way, timeoutMs, sentinels?.title),
    sentinels,
  });
}
