import { z } from 'zod';
import { ConfigError, parseDuration, parseHost, parseHostsUrl, parseOptions } from '@holdfast/core/adapter';
import type { AdapterConfig } from '@holdfast/core/adapter';
import { DEFAULT_TICK_MS } from './capabilities.ts';
import { CREATOR_ACL, OPEN_ACL } from './protocol/operations.ts';
import type { Acl } from './protocol/operations.ts';
import type { EnsembleOptions } from './session/ensemble.ts';

export interface ZooKeeperOptions {
  /** `zookeeper://[user:password@]host[:port][,host[:port]…][/chroot]`. Instead of `hosts` and `chroot`. */
  readonly url?: string | undefined;
  /** The servers, as `host` or `host:port`; default `['localhost:2181']`. */
  readonly hosts?: readonly string[] | undefined;
  /** The path that everything is under; created if missing. Default: the root. */
  readonly chroot?: string | undefined;
  /** The node under the chroot that the locks are in; default `holdfast`. */
  readonly prefix?: string | undefined;
  /** For the `digest` scheme, with `password`. */
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** Who may do anything with the nodes: all, or only who has the same credentials. Default: `creator` with credentials, else `open`. */
  readonly acl?: 'open' | 'creator' | undefined;
  /** The servers' `tickTime` in ms, or as `'2s'`; default 2 s. The shortest ttl is twice that. */
  readonly tickTime?: number | string | undefined;
  /** How long no server may be reached, in ms or as `'5s'`; default 5 s. Then requests fail. One that is silent for half as long is left for another. */
  readonly timeout?: number | string | undefined;
}

export interface ParsedOptions {
  readonly ensemble: EnsembleOptions;
  readonly root: string;
  readonly acl: readonly Acl[];
}

const DEFAULT_PORT = 2181;
const EXAMPLE = 'zookeeper://user:password@host1:2181,host2:2181/chroot';
const DEFAULT_TIMEOUT_MS = 5000;

/** Of a node: what ZooKeeper allows in a path, and what needs no escape. */
const SEGMENT = /^(?!\.{1,2}$)[\w.:@+~-]{1,200}$/;
const duration = z.union([z.number(), z.string()]);
const settings = {
  prefix: z.string().regex(SEGMENT, 'expected 1 to 200 letters, digits or any of _ . : @ + ~ -'),
  acl: z.enum(['open', 'creator']),
  tickTime: duration,
  timeout: duration,
};

const urlSchema = z.strictObject(settings).partial();
const schema: z.ZodType<ZooKeeperOptions> = z.strictObject({
  url: z.string().optional(),
  hosts: z.array(z.string()).min(1).optional(),
  chroot: z.string().optional(),
  username: z.string().min(1).optional(),
  password: z.string().optional(),
  prefix: settings.prefix.optional(),
  acl: settings.acl.optional(),
  tickTime: duration.optional(),
  timeout: duration.optional(),
});

/** Throws `ConfigError`. */
export function optionsOf(config: AdapterConfig): ParsedOptions {
  const given = parseOptions('zookeeper', schema, {
    ...config.options,
    ...(config.url === undefined ? {} : { url: config.url }),
  });
  if (given.url !== undefined && (given.hosts ?? given.chroot) !== undefined) {
    throw new ConfigError('The zookeeper backend takes a URL, or `hosts` and `chroot`, not both');
  }
  const fromUrl = given.url === undefined ? {} : parseUrl(given.url);
  const options: ZooKeeperOptions = {
    ...fromUrl,
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
  };
  const { username, password, prefix = 'holdfast', acl = username === undefined ? 'open' : 'creator' } = options;
  if ((username === undefined) !== (password === undefined))
    throw new ConfigError('The zookeeper backend needs `username` and `password`, or neither');
  if (username?.includes(':'))
    throw new ConfigError('Expected `username` to be without a colon, which ends it in the digest scheme');
  if (acl === 'creator' && username === undefined)
    throw new ConfigError('`acl` "creator" needs a `username` and a `password`');
  return {
    ensemble: {
      hosts: (options.hosts ?? ['localhost']).map((host) => parseHost('zookeeper', host, DEFAULT_PORT)),
      digest: username === undefined ? undefined : `${username}:${password}`,
      tickMs: durationOf('tickTime', options.tickTime ?? DEFAULT_TICK_MS),
      timeoutMs: durationOf('timeout', options.timeout ?? DEFAULT_TIMEOUT_MS),
    },
    root: `${chrootOf(options.chroot ?? '')}/${prefix}`,
    acl: acl === 'open' ? OPEN_ACL : CREATOR_ACL,
  };
}

function parseUrl(url: string): ZooKeeperOptions {
  const { hosts, path, username, password, parameters } = parseHostsUrl('zookeeper', url, EXAMPLE);
  return {
    hosts,
    chroot: path,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...parseOptions('zookeeper', urlSchema, parameters),
  };
}

function chrootOf(chroot: string): string {
  const path = chroot.replace(/\/+$/, '');
  if (path === '') return '';
  const segments = path.split('/').slice(1);
  if (!path.startsWith('/') || segments.some((segment) => !SEGMENT.test(segment))) {
    throw new ConfigError('Expected the chroot to be a path such as /app, of letters, digits or any of _ . : @ + ~ -');
  }
  return path;
}

function durationOf(field: string, value: number | string): number {
  try {
    return parseDuration(field, value);
  } catch (cause) {
    throw new ConfigError(
      `Invalid options for the zookeeper backend: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
  }
}
