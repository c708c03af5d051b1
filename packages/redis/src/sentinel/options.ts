import { z } from 'zod';
import type { RedisOptions as ConnectionOptions } from 'ioredis';
import { ConfigError, parseHost, parseHostsUrl } from '@holdfast/core/adapter';
import type { NatMap } from '../nat-map.ts';
import type { Address } from './address.ts';
import type { SentinelsOptions } from './sentinels.ts';

const DEFAULT_PORT = 26379;
const EXAMPLE = 'redis+sentinel://user:password@host1:26379,host2,host3/mymaster/0';

/** A master that sentinels watch, instead of one server. */
export interface SentinelOptions {
  /** The sentinels, as `host`, `host:port` or `{ host, port }`; the default port is 26379. One is enough to find the master, all are needed to be sure of it. */
  readonly sentinels?: readonly (string | { readonly host: string; readonly port?: number | undefined })[] | undefined;
  /** What the sentinels call the master, such as `mymaster`. */
  readonly name?: string | undefined;
  /** For the sentinels themselves; `username` and `password` are for the servers. */
  readonly sentinelUsername?: string | undefined;
  readonly sentinelPassword?: string | undefined;
  /** TLS to the sentinels: `true`, or options of `tls.connect`; default as `tls`. */
  readonly sentinelTls?: boolean | ConnectionOptions['tls'];
}

const port = z.int().min(1).max(65535);
/** The name ends up in a Redis command as it is; sentinel.conf allows no more in it. */
const name = z.string().regex(/^[\w.-]{1,100}$/, 'expected 1 to 100 letters, digits or any of . _ -');

export const sentinelShape: { readonly [K in keyof SentinelOptions]-?: z.ZodType<SentinelOptions[K]> } = {
  sentinels: z
    .array(z.union([z.string(), z.strictObject({ host: z.string().min(1), port: port.optional() })]))
    .min(1)
    .optional(),
  name: name.optional(),
  sentinelUsername: z.string().optional(),
  sentinelPassword: z.string().optional(),
  sentinelTls: z.union([z.boolean(), z.looseObject({})]).optional(),
};

/** Of them, what a URL's query may give. */
const texts = ['sentinelUsername', 'sentinelPassword'] as const;
export const sentinelUrlShape: Readonly<Record<(typeof texts)[number], z.ZodType<string>>> = {
  sentinelUsername: z.string(),
  sentinelPassword: z.string(),
};

export function isSentinelUrl(url: string): boolean {
  return /^rediss?\+sentinel:/i.test(url);
}

/** What a `redis+sentinel:` URL says before its query, as options. No message shows the URL: it may hold a password. */
export function parseSentinelUrl(url: string): {
  readonly options: Readonly<Record<string, unknown>>;
  readonly parameters: Readonly<Record<string, unknown>>;
} {
  const { protocol, hosts, path, username, password, parameters } = parseHostsUrl('redis', url, EXAMPLE);
  const [, master, db] = /^\/([^/]+)(?:\/(\d{0,9}))?$/.exec(path) ?? [];
  if (master === undefined || !name.safeParse(master).success) {
    throw new ConfigError(
      `Expected the path of a ${protocol} URL to be the name of the master, and perhaps the number of a database: ${EXAMPLE}`,
    );
  }
  // As they are: a password of digits is no number.
  const query = new URLSearchParams(/\?(.*)$/.exec(url)?.[1]);
  const asGiven = texts.filter((key) => query.has(key)).map((key) => [key, query.get(key)]);
  return {
    options: {
      sentinels: hosts,
      name: master,
      ...(username === undefined || username === '' ? {} : { username }),
      ...(password === undefined || password === '' ? {} : { password }),
      ...(protocol.startsWith('rediss') ? { tls: true } : {}),
      ...(db === undefined || db === '' ? {} : { db: Number(db) }),
    },
    parameters: { ...parameters, ...Object.fromEntries(asGiven) },
  };
}

/** `undefined` where no sentinels are given. `server`: how the servers are reached. Throws `ConfigError`. */
export function sentinelsOf(
  {
    sentinels,
    name: master,
    sentinelUsername,
    sentinelPassword,
    sentinelTls,
    natMap,
  }: SentinelOptions & {
    readonly natMap?: NatMap | undefined;
  },
  server: ConnectionOptions,
  timeoutMs: number,
): SentinelsOptions | undefined {
  if (sentinels === undefined) {
    const given = { name: master, sentinelUsername, sentinelPassword, sentinelTls, natMap };
    const stray = Object.entries(given).find(([, value]) => value !== undefined)?.[0];
    if (stray !== undefined)
      throw new ConfigError(`The redis backend takes \`${stray}\` only together with \`sentinels\``);
    return undefined;
  }
  if (master === undefined) {
    throw new ConfigError('The redis backend needs `name` beside `sentinels`: what they call the master');
  }
  const tls = sentinelTls === undefined ? server.tls : secured(sentinelTls);
  return {
    addresses: distinct(sentinels.map(addressOf)),
    name: master,
    connection: {
      ...(sentinelUsername === undefined ? {} : { username: sentinelUsername }),
      ...(sentinelPassword === undefined ? {} : { password: sentinelPassword }),
      ...(tls === undefined ? {} : { tls }),
      ...(server.family === undefined ? {} : { family: server.family }),
    },
    natMap,
    timeoutMs,
  };
}

function addressOf(sentinel: string | { readonly host: string; readonly port?: number | undefined }): Address {
  if (typeof sentinel === 'string') return parseHost('redis', sentinel, DEFAULT_PORT);
  return { host: sentinel.host, port: sentinel.port ?? DEFAULT_PORT };
}

/** One that is named twice would have two votes. */
function distinct(addresses: readonly Address[]): readonly Address[] {
  const known = new Set(addresses.map(({ host, port: at }) => `${host} ${at}`));
  if (known.size < addresses.length) throw new ConfigError('The redis backend takes each of the `sentinels` once');
  return addresses;
}

function secured(tls: NonNullable<SentinelOptions['sentinelTls']>): ConnectionOptions['tls'] {
  return tls === true ? {} : tls === false ? undefined : tls;
}
