import type { Adapter, LockBackend } from '@holdfast/core/adapter';
import { capabilities, RedisBackend } from './backend.ts';
import type { RedisGrant } from './holds.ts';
import { cluster } from './cluster/cluster.ts';
import { connect, connectForMessages, duplicate, Link } from './link.ts';
import { oneServer } from './one-server.ts';
import { optionsOf } from './options.ts';
import type { ParsedOptions, RedisOptions } from './options.ts';

export type { RedisClient } from './client.ts';
export type { ClusterClient } from './cluster/options.ts';
export type { NatMap } from './cluster/cluster.ts';
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

/** `redis:`, `rediss:`, `redis+cluster:` and `rediss+cluster:` URLs. */
export const adapter: Adapter = {
  name: 'redis',
  protocols: ['redis:', 'rediss:', 'redis+cluster:', 'rediss+cluster:'],
  capabilities,
  create: (config) => open(optionsOf(config)),
};

function open({ client, connection, cluster: nodes, prefix, timeoutMs, skewMs }: ParsedOptions): RedisBackend {
  if (nodes !== undefined) {
    const servers = cluster({ ...nodes, connection, prefix, timeoutMs });
    return new RedisBackend({ servers, prefix, skewMs });
  }
  const commands = client === undefined ? connect(connection, timeoutMs) : new Link(client, false);
  const makeSubscriber = (): Link =>
    client === undefined ? connectForMessages(connection, timeoutMs) : duplicate(client, timeoutMs);
  return new RedisBackend({ servers: oneServer({ commands, makeSubscriber, prefix, timeoutMs }), prefix, skewMs });
}
