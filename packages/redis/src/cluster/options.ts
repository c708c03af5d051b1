import type { RedisOptions as ConnectionOptions } from 'ioredis';
import { ConfigError, parseHost, parseHostsUrl } from '@holdfast/core/adapter';
import type { HostsUrl } from '@holdfast/core/adapter';
import { addressOf } from './address.ts';
import type { Address } from './address.ts';
import type { NatMap } from '../nat-map.ts';

const DEFAULT_PORT = 6379;
const EXAMPLE = 'redis+cluster://user:password@host1:6379,host2:6379';

export function isClusterUrl(url: string): boolean {
  return /^rediss?\+cluster:/i.test(url);
}

/** Throws `ConfigError`, which shows no part of the URL. */
export function parseClusterUrl(text: string): HostsUrl {
  const url = parseHostsUrl('redis', text, EXAMPLE);
  if (!/^\/?0?$/.test(url.path))
    throw new ConfigError('A Redis Cluster has no numbered databases: expected its URL to have no path');
  return url;
}

/** `host` or `host:port`. */
export function nodeOf(text: string): Address {
  const { host, port } = parseHost('redis', text, DEFAULT_PORT);
  return addressOf(host, port);
}

/** An ioredis `Cluster` of the user's, as far as it says how to reach the nodes. */
export interface ClusterClient {
  readonly isCluster: boolean;
  nodes(role?: 'all'): readonly unknown[];
  readonly options: {
    readonly redisOptions?: ConnectionOptions | undefined;
    readonly keyPrefix?: string | undefined;
    readonly natMap?: NatMap | undefined;
  };
}

export function isClusterClient(client: { readonly isCluster: boolean } | undefined): client is ClusterClient {
  return client?.isCluster === true;
}

interface Described {
  readonly nodes: readonly Address[];
  readonly natMap: NatMap | undefined;
  readonly keyPrefix: string;
  readonly connection: ConnectionOptions;
}

/** Throws `ConfigError` if it says nowhere where the nodes are. */
export function describe(client: ClusterClient): Described {
  const { startupNodes = [] } = client as { startupNodes?: readonly StartupNode[] };
  const { redisOptions = {}, keyPrefix = redisOptions.keyPrefix ?? '', natMap } = client.options;
  const nodes = startupNodes.map(startupNode);
  if (nodes.length === 0) throw new ConfigError('Expected the ioredis Cluster to have startup nodes');
  const [first] = startupNodes;
  const login = typeof first === 'object' ? loginOf(first) : {};
  return { nodes, natMap, keyPrefix, connection: { ...login, ...redisOptions } };
}

type StartupNode =
  | string
  | number
  | { readonly host?: string; readonly port?: number | string; readonly username?: string; readonly password?: string };

function startupNode(node: StartupNode): Address {
  if (typeof node === 'number') return addressOf('127.0.0.1', node);
  if (typeof node === 'object') return addressOf(node.host ?? '127.0.0.1', Number(node.port ?? DEFAULT_PORT));
  return nodeOf(
    node
      .replace(/^rediss?:\/\//, '')
      .replace(/^[^@/]*@/, '')
      .replace(/[/?].*$/, ''),
  );
}

function loginOf({ username, password }: { username?: string; password?: string }): ConnectionOptions {
  return { ...(username === undefined ? {} : { username }), ...(password === undefined ? {} : { password }) };
}
