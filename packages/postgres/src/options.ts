import { ConfigError, parseDuration, parseOptions } from '@holdfast/core/adapter';
import type { ClientConfig, Pool } from 'pg';
import { z } from 'zod';

export interface TlsOptions {
  /** In PEM: the authority's certificate; default: the system's. */
  readonly ca?: string | Buffer | undefined;
  /** In PEM: the client's own certificate and key. */
  readonly cert?: string | Buffer | undefined;
  readonly key?: string | Buffer | undefined;
  /** The name to expect in the server's certificate; default: the host. */
  readonly servername?: string | undefined;
  /** `false`: encrypted, but from anybody. */
  readonly rejectUnauthorized?: boolean | undefined;
}

export interface PostgresOptions {
  /** Default `localhost`. A path: the directory of a Unix socket. */
  readonly host?: string | undefined;
  /** Default 5432. */
  readonly port?: number | undefined;
  /** Default `postgres`. */
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  /** Default: the name of the user. */
  readonly database?: string | undefined;
  /** `true`: TLS with the system's authorities. Default: none. */
  readonly tls?: boolean | TlsOptions | undefined;
  /** Your own pool instead of all the above. Its clients are checked out for as long as they are needed; it is never ended. */
  readonly pool?: Pool | undefined;
  /** The most connections at once; default 10. */
  readonly connections?: number | undefined;
  /** Of the sequence of tokens and of what `query` shows; default `holdfast`. Clients that are to exclude each other use one. */
  readonly schema?: string | undefined;
  /** `session`: a pooler stands in between, and it pools whole sessions. Default `none`: any pooler is refused. */
  readonly pooler?: 'none' | 'session' | undefined;
  /** How long a request waits for an answer or a free connection, in ms or as `'5s'`; default 5 s. */
  readonly patience?: number | string | undefined;
}

export interface ResolvedOptions {
  readonly from: { readonly pool: Pool } | { readonly config: ClientConfig };
  readonly connections: number;
  readonly schema: string;
  readonly pooler: 'none' | 'session';
  readonly patienceMs: number;
}

const DEFAULT_PATIENCE_MS = 5000;
const pem = z.union([z.string().min(1), z.instanceof(Buffer)], { error: 'expected PEM as a string or Buffer' });

const schema = z
  .strictObject({
    host: z.string().min(1).optional(),
    port: z.int().min(1).max(65_535).optional(),
    user: z.string().min(1).optional(),
    password: z.string().optional(),
    database: z.string().min(1).optional(),
    tls: z
      .union(
        [
          z.boolean(),
          z.strictObject({
            ca: pem.optional(),
            cert: pem.optional(),
            key: pem.optional(),
            servername: z.string().min(1).optional(),
            rejectUnauthorized: z.boolean().optional(),
          }),
        ],
        { error: 'expected true, or an object with any of ca, cert, key, servername, rejectUnauthorized' },
      )
      .optional(),
    pool: z.custom<Pool>(isPool, { error: 'expected a Pool of the pg package' }).optional(),
    connections: z.int({ error: 'expected a number of connections' }).min(1).max(1000).optional(),
    schema: z
      .string()
      .regex(/^[^\0]{1,63}$/, { error: 'expected the name of a schema' })
      .optional(),
    pooler: z.enum(['none', 'session'], { error: "expected 'none' or 'session'" }).optional(),
    patience: z.union([z.number(), z.string()], { error: 'expected a duration such as 5000 or "5s"' }).optional(),
  })
  .refine(
    (given) =>
      given.pool === undefined ||
      !(['host', 'port', 'user', 'password', 'database', 'tls'] as const).some((key) => given[key] !== undefined),
    { error: 'give `pool`, or what to connect to, not both' },
  );

export function resolveOptions(given: PostgresOptions): ResolvedOptions {
  const options = parseOptions('postgres', schema, given);
  const patienceMs = patienceOf(options.patience);
  const { pool, tls } = options;
  return {
    from: pool === undefined ? { config: configOf(options, tls, patienceMs) } : { pool },
    connections: options.connections ?? 10,
    schema: options.schema ?? 'holdfast',
    pooler: options.pooler ?? 'none',
    patienceMs,
  };
}

function configOf(options: PostgresOptions, tls: PostgresOptions['tls'], patienceMs: number): ClientConfig {
  const { host = 'localhost', port = 5432, user = 'postgres', password, database = user } = options;
  return {
    host,
    port,
    user,
    database,
    // Without one, pg looks into PGPASSWORD and ~/.pgpass, as psql does.
    ...(password === undefined ? {} : { password }),
    ssl: tls === true ? {} : tls === undefined ? false : tls,
    connectionTimeoutMillis: patienceMs,
    // Patroni and others look for the primary by themselves; here a standby is refused when it is asked for a token.
    keepAlive: true,
    keepAliveInitialDelayMillis: 5000,
  };
}

function patienceOf(value: number | string | undefined): number {
  if (value === undefined) return DEFAULT_PATIENCE_MS;
  try {
    return parseDuration('patience', value, 10);
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError(`Invalid options for the postgres backend: ${text}`, { cause });
  }
}

function isPool(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'connect' in value && 'totalCount' in value;
}
