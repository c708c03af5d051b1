import { parseDuration, parseOptions } from '@holdfast/core/adapter';
import type { ChannelModel } from 'amqplib';
import { z } from 'zod';
import { internalsOf } from './internals.ts';

export interface TlsOptions {
  readonly ca: string | Buffer;
  readonly cert?: string | Buffer | undefined;
  readonly key?: string | Buffer | undefined;
}

export interface RabbitmqOptions {
  /** `host:port`, or several nodes of one cluster; default `127.0.0.1:5672`. */
  readonly hosts?: string | readonly string[] | undefined;
  /** Default `guest`, as is `password`. */
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** Default `/`. */
  readonly vhost?: string | undefined;
  /** `true`: TLS with the system's certificates; or certificates in PEM: the authority's, and the client's own with its key. */
  readonly tls?: boolean | TlsOptions | undefined;
  /** Your own connection, made by amqplib without `recovery`, instead of the options above. It is never closed. */
  readonly connection?: ChannelModel | undefined;
  /** Of all queues; default `holdfast.`. */
  readonly prefix?: string | undefined;
  /** After which an unused queue is deleted by the broker, in ms or as `'10m'`; default 10 minutes. The same in all clients. */
  readonly expires?: number | string | undefined;
  /** Most channels per connection, one for each lock that is held or waited for; default 256. */
  readonly channels?: number | undefined;
  /** After which the next host is tried, in ms or as `'2s'`; default 2 s. */
  readonly timeout?: number | string | undefined;
  /** After which a request that the broker does not answer fails with `BackendUnavailableError`, in ms or as `'5s'`; default 5 s. */
  readonly patience?: number | string | undefined;
}

export interface ResolvedOptions {
  readonly hosts: readonly string[];
  readonly username: string;
  readonly password: string;
  readonly vhost: string;
  readonly tls:
    | false
    | { readonly ca?: string | Buffer; readonly cert?: string | Buffer; readonly key?: string | Buffer };
  readonly connection: ChannelModel | undefined;
  readonly prefix: string;
  readonly expiresMs: number;
  readonly channels: number;
  readonly timeoutMs: number;
  readonly patienceMs: number;
}

const host = z.string().regex(/^(\[[0-9a-f:.]+\]|[\w.-]+):\d{1,5}$/i, { error: 'expected host:port' });
const pem = z.union([z.string().min(1), z.instanceof(Buffer)], { error: 'expected PEM as a string or Buffer' });
const duration = z.union([z.number(), z.string()]);
const OURS = ['hosts', 'username', 'password', 'vhost', 'tls', 'channels', 'timeout'] as const;

const schema = z
  .strictObject({
    hosts: z.union([host, z.array(host).min(1)]).optional(),
    username: z.string().min(1).optional(),
    password: z.string().optional(),
    vhost: z.string().min(1).optional(),
    tls: z
      .union([z.boolean(), z.strictObject({ ca: pem, cert: pem.optional(), key: pem.optional() })], {
        error: 'expected true, or an object with ca, and with cert and key if the server asks for them',
      })
      .optional(),
    connection: z
      .custom<ChannelModel>((value) => internalsOf(value) !== undefined, {
        error: 'expected an open connection made by `connect` of amqplib 2, without `recovery` and with a heartbeat',
      })
      .optional(),
    prefix: z
      .string()
      .regex(/^(?!amq\.)[\w.:-]{1,64}$/, {
        error: 'expected 1 to 64 of the characters A-Z a-z 0-9 _ . : - and not amq. in front',
      })
      .optional(),
    expires: duration.optional(),
    channels: z.int().min(1).max(65_000).optional(),
    timeout: duration.optional(),
    patience: duration.optional(),
  })
  .refine(({ username, password }) => (username === undefined) === (password === undefined), {
    error: 'give `username` and `password`, or neither',
  })
  .refine((options) => options.connection === undefined || OURS.every((key) => options[key] === undefined), {
    error: `give \`connection\`, or ${OURS.map((key) => `\`${key}\``).join(', ')}, not both`,
  });

export function resolveOptions(given: RabbitmqOptions): ResolvedOptions {
  const options = parseOptions('rabbitmq', schema, given);
  const { hosts = '127.0.0.1:5672', tls = false } = options;
  return {
    hosts: typeof hosts === 'string' ? [hosts] : hosts,
    username: options.username ?? 'guest',
    password: options.password ?? 'guest',
    vhost: options.vhost ?? '/',
    tls: tls === true ? {} : tls && defined(tls),
    connection: options.connection,
    prefix: options.prefix ?? 'holdfast.',
    expiresMs: parseDuration('expires', options.expires ?? 600_000, 10_000),
    channels: options.channels ?? 256,
    timeoutMs: parseDuration('timeout', options.timeout ?? 2000, 10),
    patienceMs: parseDuration('patience', options.patience ?? 5000, 10),
  };
}

function defined(tls: TlsOptions): Exclude<ResolvedOptions['tls'], false> {
  return Object.fromEntries(Object.entries(tls).filter(([, value]) => value !== undefined));
}
