import { z } from 'zod';
import type { RedisOptions as ConnectionOptions } from 'ioredis';
import { ConfigError, parseDuration, parseOptions } from '@holdfast/core/adapter';
import type { AdapterConfig } from '@holdfast/core/adapter';
import type { RedisClient } from './client.ts';
import { translator } from './cluster/cluster.ts';
import type { ClusterOptions } from './cluster/cluster.ts';
import { describe, isClusterClient, nodeOf } from './cluster/options.ts';
import type { ClusterClient } from './cluster/options.ts';
import { natMapSchema } from './nat-map.ts';
import type { NatMap } from './nat-map.ts';
import { sentinelShape, sentinelsOf } from './sentinel/options.ts';
import type { SentinelOptions } from './sentinel/options.ts';
import type { SentinelsOptions } from './sentinel/sentinels.ts';
import { parseUrl, settings } from './url.ts';

export interface RedisOptions extends SentinelOptions {
  /**
   * Your own ioredis client. It is never closed; messages come over a `client.duplicate()`, which is. Of a `Cluster` its startup nodes and
   * options are taken, and the connections to the nodes are the adapter's own. Instead of all that names a server.
   */
  readonly client?: RedisClient | ClusterClient | undefined;
  /**
   * `redis://[user:password@]host[:port][/db]`, `rediss://…` with TLS; or the sentinels and the name of a master,
   * `redis+sentinel://[user:password@]host1[:26379],host2,host3/mymaster[/db]`, `rediss+sentinel://…` with TLS to both; or some nodes of a cluster,
   * `redis+cluster://[user:password@]host[:port][,host[:port]…]`, `rediss+cluster://…`.
   */
  readonly url?: string | undefined;
  /** Of a Redis Cluster, 7.0 or later: some of its nodes, as `host` or `host:port`. Instead of host and port. */
  readonly nodes?: readonly string[] | undefined;
  /** Where to reach a node of the cluster that announces itself by that `host:port`; default: there. */
  readonly natMap?: NatMap | undefined;
  /** Default `localhost`. */
  readonly host?: string | undefined;
  /** Default 6379. */
  readonly port?: number | undefined;
  /** Of a Unix domain socket, instead of host and port. */
  readonly path?: string | undefined;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** Number of the database; default 0. */
  readonly db?: number | undefined;
  /** `true`, or options of `tls.connect` such as `ca`. */
  readonly tls?: boolean | ConnectionOptions['tls'];
  /** More options of ioredis. How it reconnects and retries is the adapter's. */
  readonly connection?: ConnectionOptions | undefined;
  /** What all keys and channels start with; default `holdfast`. */
  readonly prefix?: string | undefined;
  /** How long the server may take to connect or to answer, in ms or as `'3s'`; default 3 s. Then it counts as unavailable. */
  readonly timeout?: number | string | undefined;
  /** By how many ms the server's clock may be set forward (or be ahead, after a failover) within a ttl; default 0. Leases end that much earlier. */
  readonly skewMs?: number | undefined;
  /**
   * As a member of a quorum: for how long this server may not vote after it was started or emptied, by its own clock, in ms or as `'5m'`; default 1 min. No ttl in the
   * quorum may be longer. The same for all clients. 0: it may always vote, with any ttl; only for a server that can't forget a lock that it granted.
   */
  readonly quarantine?: number | string | undefined;
  /**
   * How many replicas must have a grant or a renewal before it counts; default 0, none. Each then takes as long as replication does, and while fewer are
   * there nobody gets a lock (`BackendUnavailableError`), and nobody keeps one beyond its ttl. All replicas: no failover can lose a grant. Fewer: one can, to a replica without it.
   */
  readonly replicas?: number | undefined;
}

export interface ParsedOptions {
  readonly client: RedisClient | undefined;
  readonly connection: ConnectionOptions;
  /** If it is one. */
  readonly cluster: Pick<ClusterOptions, 'nodes' | 'translate'> | undefined;
  readonly prefix: string;
  readonly timeoutMs: number;
  readonly skewMs: number;
  readonly quarantineMs: number;
  readonly replicas: number;
  readonly sentinels: SentinelsOptions | undefined;
}

const clientSchema = z.custom<RedisClient | ClusterClient>(isClient, { error: 'expected an ioredis client' });

function isClient(value: unknown): value is RedisClient | ClusterClient {
  return typeof value === 'object' && value !== null && 'evalsha' in value && 'duplicate' in value;
}

const schema: z.ZodType<RedisOptions> = z.strictObject({
  client: clientSchema.optional(),
  url: z.string().optional(),
  nodes: z.array(z.string()).min(1).optional(),
  natMap: natMapSchema.optional(),
  host: z.string().min(1).optional(),
  port: z.int().min(1).max(65535).optional(),
  path: z.string().min(1).optional(),
  username: z.string().optional(),
  password: z.string().optional(),
  db: settings.db.optional(),
  tls: z.union([z.boolean(), z.looseObject({})]).optional(),
  connection: z.looseObject({}).optional(),
  prefix: settings.prefix.optional(),
  timeout: settings.timeout.optional(),
  skewMs: settings.skewMs.optional(),
  quarantine: settings.quarantine.optional(),
  replicas: settings.replicas.optional(),
  ...sentinelShape,
});

const DEFAULT_TIMEOUT_MS = 3000;
const DEFAULT_QUARANTINE_MS = 60_000;

/** Throws `ConfigError`. */
export function optionsOf(config: AdapterConfig): ParsedOptions {
  const options = parseOptions('redis', schema, {
    ...config.options,
    ...(config.url === undefined ? {} : { url: config.url }),
  });
  const fromUrl = options.url === undefined ? {} : parseUrl(options.url);
  const {
    client,
    prefix = 'holdfast',
    timeout,
    skewMs = 0,
    quarantine,
    replicas = 0,
    ...server
  } = { ...fromUrl, ...defined(options) };
  const { nodes, natMap, ...named } = defined({ ...server, url: undefined });
  const isNamed = Object.keys(named).length > 0 || nodes !== undefined || natMap !== undefined;
  if (client !== undefined && (options.url !== undefined || isNamed)) {
    throw new ConfigError('The redis backend takes a `client` or what names a server, not both');
  }
  const timeoutMs = timeout === undefined ? DEFAULT_TIMEOUT_MS : durationOf('timeout', timeout);
  const settled = { prefix, timeoutMs, skewMs, quarantineMs: quarantineOf(quarantine), replicas };
  if (isClusterClient(client)) {
    const { keyPrefix, connection, ...described } = describe(client);
    return ofCluster(described.nodes, described.natMap, { ...connection, keyPrefix }, settled);
  }
  const { tls, connection, sentinels, name, sentinelUsername, sentinelPassword, sentinelTls, ...direct } = named;
  if (sentinels !== undefined && (nodes ?? direct.host ?? direct.port ?? direct.path) !== undefined) {
    throw new ConfigError('The redis backend takes `sentinels` or another way to a server, not both');
  }
  const secured = tls === undefined || tls === false ? {} : { tls: tls === true ? {} : tls };
  const way = { ...connection, ...direct, ...secured } as ConnectionOptions;
  const watched = { sentinels, name, sentinelUsername, sentinelPassword, sentinelTls };
  if (nodes !== undefined) {
    sentinelsOf(watched, way, timeoutMs);
    return ofCluster(nodes.map(nodeOf), natMap, way, settled);
  }
  return {
    client,
    connection: way,
    cluster: undefined,
    ...settled,
    sentinels: sentinelsOf({ ...watched, natMap }, way, timeoutMs),
  };
}

/** In a cluster the adapter works out the slots itself: a prefix of ioredis's is one more part of its own. */
function ofCluster(
  nodes: ClusterOptions['nodes'],
  natMap: NatMap | undefined,
  { keyPrefix = '', ...connection }: ConnectionOptions,
  { prefix, ...settled }: Omit<ParsedOptions, 'client' | 'connection' | 'cluster' | 'sentinels'>,
): ParsedOptions {
  for (const key of ['host', 'port', 'path', 'db'] as const) {
    if (connection[key] !== undefined && connection[key] !== 0)
      throw new ConfigError(`The redis backend takes the \`nodes\` of a cluster or \`${key}\`, not both`);
  }
  if (settled.replicas > 0) throw new ConfigError('The redis backend has no `replicas` in a cluster');
  const cluster = { nodes, translate: translator(natMap) };
  return {
    client: undefined,
    connection,
    cluster,
    prefix: keyPrefix + prefix,
    ...settled,
    sentinels: undefined,
  };
}

function quarantineOf(quarantine: number | string | undefined): number {
  if (quarantine === undefined) return DEFAULT_QUARANTINE_MS;
  return quarantine === 0 ? 0 : durationOf('quarantine', quarantine);
}

function durationOf(field: string, value: number | string): number {
  try {
    return parseDuration(field, value);
  } catch (error) {
    throw new ConfigError(
      `Invalid options for the redis backend: ${error instanceof Error ? error.message : String(error)}`,
      {
        cause: error,
      },
    );
  }
}

/** `undefined` means "not given", and overrides nothing. */
function defined<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;
}
