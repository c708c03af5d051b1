import { z } from 'zod';
import { ConfigError, parseOptions, urlOptions } from '@holdfast/core/adapter';
import { isClusterUrl, parseClusterUrl } from './cluster/options.ts';
import type { RedisOptions } from './options.ts';
import { isSentinelUrl, parseSentinelUrl, sentinelUrlShape } from './sentinel/options.ts';

interface Settings {
  readonly prefix: z.ZodType<string>;
  readonly timeout: z.ZodType<number | string>;
  readonly skewMs: z.ZodType<number>;
  readonly quarantine: z.ZodType<number | string>;
  readonly replicas: z.ZodType<number>;
  readonly db: z.ZodType<number>;
  readonly family: z.ZodType<0 | 4 | 6>;
}

/** What a URL's query may give, too. */
export const settings: Settings = {
  // It precedes the hash tag, so it must not have one of its own.
  prefix: z.string().regex(/^[^\s{}]{1,100}$/, 'expected 1 to 100 characters without blanks and braces'),
  timeout: z.union([z.number(), z.string()]),
  skewMs: z.number().nonnegative(),
  quarantine: z.union([z.number(), z.string()]),
  replicas: z.int().min(0).max(100),
  db: z.int().nonnegative(),
  family: z.union([z.literal(0), z.literal(4), z.literal(6)]),
};

const urlSchema = z.strictObject(settings).partial();
const sentinelUrlSchema = z.strictObject({ ...settings, ...sentinelUrlShape }).partial();
const clusterUrlSchema = urlSchema.omit({ db: true });

/** `RedisOptions` as the parts of a URL give them. No message shows the URL: it may hold a password. */
export function parseUrl(text: string): RedisOptions & { family?: number | undefined } {
  if (isSentinelUrl(text)) {
    const { options, parameters } = parseSentinelUrl(text);
    return { ...options, ...parseOptions('redis', sentinelUrlSchema, parameters) };
  }
  if (isClusterUrl(text)) return clusterOf(text);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^rediss?:$/.test(url.protocol) || url.hash !== '') {
    throw new ConfigError(
      'Expected a Redis URL such as redis://localhost:6379/0 or rediss://user:password@host (percent-encode what is special)',
    );
  }
  const db = url.pathname.replace(/^\//, '');
  if (!/^\d{0,9}$/.test(db)) throw new ConfigError('Expected the path of a Redis URL to be the number of a database');
  return {
    ...(url.hostname === '' ? {} : { host: url.hostname.replace(/^\[|\]$/g, '') }),
    ...(url.port === '' ? {} : { port: Number(url.port) }),
    ...(url.username === '' ? {} : { username: decode(url.username) }),
    ...(url.password === '' ? {} : { password: decode(url.password) }),
    ...(url.protocol === 'rediss:' ? { tls: true } : {}),
    ...(db === '' ? {} : { db: Number(db) }),
    ...parseOptions('redis', urlSchema, urlOptions('redis', url.searchParams)),
  };
}

function clusterOf(text: string): RedisOptions & { family?: number | undefined } {
  const { protocol, hosts, username, password, parameters } = parseClusterUrl(text);
  return {
    nodes: hosts,
    ...(username === undefined || username === '' ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(protocol.startsWith('rediss') ? { tls: true } : {}),
    ...parseOptions('redis', clusterUrlSchema, parameters),
  };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    // Not as a cause: its message quotes what may be a password.
    throw new ConfigError('The user name or password in the Redis URL is not valid percent-encoding');
  }
}
