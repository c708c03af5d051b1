import type { Adapter, LockBackend } from '@holdfast/core/adapter';
import { capabilities, RedisBackend } from './backend.ts';
import type { RedisGrant } from './holds.ts';
import { cluster } from './cluster/cluster.ts';
import { connect, connectForMessages, duplicate, Link } from './link.ts';
import { oneServer } from './one-server.ts';
import { optionsOf } from './options.ts';
import type { ParsedOptions, RedisOptions } from './options.ts';
import { connectorTo } from './sentinel/connector.ts';
import { Sentinels } from './sentinel/sentinels.ts';
import type { OpenServers } from './servers.ts';

export type { RedisClient } from './client.ts';
export type { ClusterClient } from './cluster/options.ts';
export type { NatMap } from './nat-map.ts';
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

/** `redis:` URLs, with sentinels `redis+sentinel:`, of a cluster `redis+cluster:`; with TLS `rediss:`, `rediss+sentinel:`, `rediss+cluster:`. */
export const adapter: Adapter = {
  name: 'redis',
  protocols: ['redis:', 'rediss:', 'redis+sentinel:', 'rediss+sentinel:', 'redis+cluster:', 'rediss+cluster:'],
  capabilities,
  create: (config) => open(optionsOf(config)),
};

function open({ prefix, skewMs, quarantineMs, replicas, ...options }: ParsedOptions): RedisBackend {
  return new RedisBackend({
    servers: serversOf({ prefix, replicas, ...options }),
    prefix,
    skewMs,
    quarantineMs,
    replicas,
  });
}

type Place = Omit<ParsedOptions, 'skewMs' | 'quarantineMs'>;

function serversOf({ client, connection, cluster: nodes, sentinels: watched, ...common }: Place): OpenServers {
  const { prefix, timeoutMs } = common;
  if (nodes !== undefined) return cluster({ ...nodes, connection, prefix, timeoutMs });
  if (client !== undefined) {
    const makeSubscriber = (): Link => duplicate(client, timeoutMs);
    return oneServer({ ...common, commands: new Link(client, false), makeSubscriber });
  }
  const sentinels = watched === undefined ? undefined : new Sentinels(watched);
  // Both connections go where the same word leads them.
  const way =
    sentinels === undefined ? connection : { ...connection, Connector: connectorTo(sentinels, connection, timeoutMs) };
  return oneServer({
    ...common,
    commands: connect(way, timeoutMs, sentinels?.title),
    makeSubscriber: () => connectForMessages(way, timeoutMs, sentinels?.title),
    sentinels,
  });
}
