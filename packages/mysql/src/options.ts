import { ConfigError, parseDuration, parseOptions } from '@holdfast/core/adapter';
import type { ConnectionOptions, Pool } from 'mysql2';
import type { Pool as PromisePool } from 'mysql2/promise';
import { z } from 'zod';
import { DEFAULT_PREFIX } from './schema.ts';

export interface MysqlTlsOptions {
  /** Certificates of the authorities to trust, in PEM; default: the system's. */
  readonly ca?: string | Buffer | undefined;
  readonly cert?: string | Buffer | undefined;
  readonly key?: string | Buffer | undefined;
  /** What is checked of the server's certificate: its authority and its name (default), its authority alone, or nothing. */
  readonly verify?: 'identity' | 'authority' | 'nothing' | undefined;
}

/** `transaction`: the lock of a row, held by an open transaction. `lease`: an entry in a row, with an expiry by the server's clock. */
export type MysqlMode = 'transaction' | 'lease';

export interface MysqlOptions {
  /** Default `localhost`. */
  readonly host?: string | undefined;
  /** Default 3306. */
  readonly port?: number | undefined;
  /** Of a Unix domain socket, instead of host and port. */
  readonly socketPath?: string | undefined;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** Where the tables are; needed unless a `pool` names it. */
  readonly database?: string | undefined;
  /** `true`: TLS with the system's authorities, the server's name checked; or certificates. Default: none. */
  readonly tls?: boolean | MysqlTlsOptions | undefined;
  /** Your own mysql2 pool, with callbacks or promises, instead of all that names a server. It is never closed. */
  readonly pool?: Pool | PromisePool | undefined;
  /** Default `transaction`. */
  readonly mode?: MysqlMode | undefined;
  /** How many connections may be open at once, at least 2; default 100 (`lease`: 20), or a pool's `connectionLimit`. */
  readonly connections?: number | undefined;
  /** How long the server may take to connect or to answer, and how long a connection is waited for, in ms or as `'5s'`; default 5 s. */
  readonly patience?: number | string | undefined;
  /** What the names of the tables begin with; default `holdfast_`. */
  readonly prefix?: string | undefined;
  /** How long the rows of an unused name are kept, in ms or as `'1d'`; default one day. */
  readonly keep?: number | string | undefined;
  /** `lease` only: by how many ms the server's clock may be set forward within a ttl; default 0. Leases end that much earlier. */
  readonly skewMs?: number | undefined;
}

export interface ResolvedOptions {
  readonly server: ConnectionOptions;
  readonly pool: Pool | undefined;
  readonly mode: MysqlMode;
  readonly connections: number;
  readonly patienceMs: number;
  readonly prefix: string;
  readonly keepMs: number;
  readonly skewMs: number;
}

/** A lock that waits or is held takes one in the first mode, and none in the second. */
const DEFAULT_CONNECTIONS: Readonly<Record<MysqlMode, number>> = { transaction: 100, lease: 20 };
const DAY_MS = 86_400_000;

const pem = z.union([z.string().min(1), z.instanceof(Buffer)], { error: 'expected PEM as a string or Buffer' });
const duration = z.union([z.number(), z.string()]);
const certificates = z.strictObject({
  ca: pem.optional(),
  cert: pem.optional(),
  key: pem.optional(),
  verify: z.enum(['identity', 'authority', 'nothing']).optional(),
});
const server = {
  host: z.string().min(1).optional(),
  port: z.int().min(1).max(65_535).optional(),
  socketPath: z.string().min(1).optional(),
  username: z.string().optional(),
  password: z.string().optional(),
  database: z.string().min(1).max(64).optional(),
  tls: z
    .union([z.boolean(), certificates], {
      error: 'expected true, or an object with ca, cert, key and verify',
    })
    .optional(),
};

const schema = z
  .strictObject({
    ...server,
    pool: z.custom<Pool | PromisePool>(isPool, { error: 'expected a pool of the mysql2 package' }).optional(),
    mode: z.enum(['transaction', 'lease']).optional(),
    connections: z
      .int({ error: 'expected a whole number' })
      .min(2, { error: 'expected at least 2: one for each lock that is held or waited for, and one beside them' })
      .max(100_000)
      .optional(),
    patience: duration.optional(),
    prefix: z
      .string()
      .regex(/^[A-Za-z0-9_]{1,40}$/, { error: 'expected 1 to 40 letters, digits and underscores' })
      .optional(),
    keep: duration.optional(),
    skewMs: z.number().nonnegative().optional(),
  })
  .refine((options) => options.pool === undefined || Object.keys(server).every((key) => !Object.hasOwn(options, key)), {
    error: 'give `pool`, or what names a server, not both',
  })
  .refine((options) => options.pool !== undefined || options.database !== undefined, {
    error: '`database` is missing: it says where the tables are (in a URL: mysql://user@host/database)',
  })
  .refine((options) => options.skewMs === undefined || options.mode === 'lease', {
    error: '`skewMs` is for `mode: lease` alone: a transaction has no clock',
  });

/** Throws `ConfigError`. */
export function resolveOptions(given: MysqlOptions): ResolvedOptions {
  const options = parseOptions('mysql', schema, withoutUndefined(given));
  const { pool, mode = 'transaction', prefix = DEFAULT_PREFIX, skewMs = 0 } = options;
  const core = pool === undefined ? undefined : callbackPool(pool);
  return {
    server: serverOf(options),
    pool: core,
    mode,
    connections: options.connections ?? limitOf(core) ?? DEFAULT_CONNECTIONS[mode],
    patienceMs: durationOf('patience', options.patience ?? 5000, 10),
    prefix,
    keepMs: durationOf('keep', options.keep ?? DAY_MS, 1000),
    skewMs,
  };
}

function serverOf({ host, port, socketPath, username, password, database, tls }: MysqlOptions): ConnectionOptions {
  const settings = {
    ...(socketPath === undefined ? { host: host ?? 'localhost', port: port ?? 3306 } : { socketPath }),
    user: username,
    password,
    database,
    ssl: tls === undefined || tls === false ? undefined : sslOf(tls === true ? {} : tls),
  };
  return withoutUndefined(settings) as ConnectionOptions;
}

function sslOf({ verify = 'identity', ...certificates }: MysqlTlsOptions): object {
  return {
    ...withoutUndefined(certificates),
    rejectUnauthorized: verify !== 'nothing',
    verifyIdentity: verify === 'identity',
  };
}

function durationOf(field: string, value: number | string, minMs: number): number {
  try {
    return parseDuration(field, value, minMs);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    throw new ConfigError(`Invalid options for the mysql backend: ${text}`, { cause: error });
  }
}

function isPool(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'getConnection' in value && 'execute' in value;
}

/** A promise pool is a wrapper around a callback pool. */
function callbackPool(pool: Pool | PromisePool): Pool {
  return 'pool' in pool ? pool.pool : pool;
}

/** 0 means no limit. */
function limitOf(pool: Pool | undefined): number | undefined {
  const limit = (pool as { config?: { connectionLimit?: number } } | undefined)?.config?.connectionLimit;
  return limit === 0 ? undefined : limit;
}

function withoutUndefined<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;
}
