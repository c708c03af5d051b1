import { parseDuration, parseOptions } from '@holdfast/core/adapter';
import { Etcd3 } from 'etcd3';
import { z } from 'zod';

export interface TlsOptions {
  readonly ca: string | Buffer;
  readonly cert?: string | Buffer | undefined;
  readonly key?: string | Buffer | undefined;
}

export interface EtcdOptions {
  /** `host:port`, or several; default `127.0.0.1:2379`. */
  readonly hosts?: string | readonly string[] | undefined;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** `true`: TLS with the system's certificates; or certificates in PEM: the authority's, and the client's own with its key. */
  readonly tls?: boolean | TlsOptions | undefined;
  /** Your own client instead of the options above. It is never closed. */
  readonly client?: Etcd3 | undefined;
  /** Of all keys; default `holdfast/`. */
  readonly prefix?: string | undefined;
  /** After which the next server is asked as well, in ms or as `'1s'`; default 1 s. */
  readonly timeout?: number | string | undefined;
  /** After which a request that no server answers fails with `BackendUnavailableError`, in ms or as `'5s'`; default 5 s. */
  readonly patience?: number | string | undefined;
}

export interface ResolvedOptions {
  readonly hosts: readonly string[];
  readonly auth: { readonly username: string; readonly password: string } | undefined;
  readonly tls: { readonly ca?: Buffer; readonly cert?: Buffer; readonly key?: Buffer } | undefined;
  readonly client: Etcd3 | undefined;
  readonly prefix: string;
  readonly timeoutMs: number;
  readonly patienceMs: number;
}

const host = z.string().regex(/^(\[[0-9a-f:.]+\]|[\w.-]+):\d{1,5}$/i, { error: 'expected host:port' });
const pem = z.union([z.string().min(1), z.instanceof(Buffer)], { error: 'expected PEM as a string or Buffer' });
const duration = z.union([z.number(), z.string()]);

const schema = z
  .strictObject({
    hosts: z.union([host, z.array(host).min(1)]).optional(),
    username: z.string().min(1).optional(),
    password: z.string().optional(),
    tls: z
      .union([z.boolean(), z.strictObject({ ca: pem, cert: pem.optional(), key: pem.optional() })], {
        error: 'expected true, or an object with ca, and with cert and key if the server asks for them',
      })
      .optional(),
    client: z.custom<Etcd3>(isClient, { error: 'expected a client of the etcd3 package' }).optional(),
    // Only ASCII at the end, so that the end of a range is the next byte.
    prefix: z
      .string()
      .regex(/^[^\0]*[\x20-\x7e]$/, { error: 'expected a prefix that ends in an ASCII character, such as app/' })
      .optional(),
    timeout: duration.optional(),
    patience: duration.optional(),
  })
  .refine(({ username, password }) => (username === undefined) === (password === undefined), {
    error: 'give `username` and `password`, or neither',
  })
  .refine(
    (options) =>
      options.client === undefined ||
      !(['hosts', 'username', 'tls'] as const).some((key) => options[key] !== undefined),
    {
      error: 'give `client`, or `hosts`, `username`, `password` and `tls`, not both',
    },
  );

export function resolveOptions(given: EtcdOptions): ResolvedOptions {
  const {
    hosts = '127.0.0.1:2379',
    username,
    password,
    tls,
    client,
    prefix,
    timeout,
    patience,
  } = parseOptions('etcd', schema, given);
  return {
    hosts: typeof hosts === 'string' ? [hosts] : hosts,
    auth: username === undefined || password === undefined ? undefined : { username, password },
    tls: tlsOf(tls),
    client,
    prefix: prefix ?? 'holdfast/',
    timeoutMs: parseDuration('timeout', timeout ?? 1000, 10),
    patienceMs: parseDuration('patience', patience ?? 5000, 10),
  };
}

function tlsOf(tls: EtcdOptions['tls']): ResolvedOptions['tls'] {
  if (tls === undefined || tls === false) return undefined;
  if (tls === true) return {};
  const entries = Object.entries(tls).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries.map(([key, value]) => [key, Buffer.from(value as string)]));
}

function isClient(value: unknown): boolean {
  return value instanceof Etcd3;
}
