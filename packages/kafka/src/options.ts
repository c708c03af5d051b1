import kafkajs from 'kafkajs';
import type { Kafka, SASLOptions } from 'kafkajs';
import { ConfigError, parseDuration, parseHost, parseOptions } from '@holdfast/core/adapter';
import { z } from 'zod';
import type { ClusterOptions } from './cluster.ts';
import { brokersOf } from './driver.ts';
import { quietSocket } from './socket.ts';

export interface TlsOptions {
  readonly ca?: string | Buffer | undefined;
  readonly cert?: string | Buffer | undefined;
  readonly key?: string | Buffer | undefined;
  /** Name that the brokers' certificate is for, if not the host's. */
  readonly servername?: string | undefined;
}

export interface KafkaOptions {
  /** `host:port`, or several; default `127.0.0.1:9092`. */
  readonly hosts?: string | readonly string[] | undefined;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** Of SASL: `plain`, `scram-sha-256` or `scram-sha-512`; default `plain` with a user name. */
  readonly mechanism?: 'plain' | 'scram-sha-256' | 'scram-sha-512' | undefined;
  /** `true`: TLS with the system's authorities; or certificates in PEM. */
  readonly tls?: boolean | TlsOptions | undefined;
  /** Your own `Kafka` of kafkajs 2.2 instead of the options above. */
  readonly client?: Kafka | undefined;
  /** Default `holdfast-locks`. Created if it is missing. */
  readonly topic?: string | undefined;
  /** Of the topic; default 16. The same for every client, from the first lock on. */
  readonly partitions?: number | undefined;
  /** Replicas of a topic that is created here; default 3, or the number of brokers if that is less. */
  readonly replication?: number | undefined;
  /** Connect to the one host given whatever the broker advertises: for port forwards and tunnels to a single broker. Default `false`. */
  readonly viaBootstrap?: boolean | undefined;
  /** How long a broker may take to connect or to answer, in ms or as `'2s'`; default 2 s. Then it is asked again. */
  readonly timeout?: number | string | undefined;
  /** After which a request fails with `BackendUnavailableError`, in ms or as `'5s'`; default 5 s. */
  readonly patience?: number | string | undefined;
  /** By how many ms the clock of a partition's leader may be ahead of its predecessor's; default 100. Leases end that much earlier. */
  readonly skewMs?: number | undefined;
}

export interface ResolvedOptions extends ClusterOptions {
  readonly skewMs: number;
}

const pem = z.union([z.string().min(1), z.instanceof(Buffer)], { error: 'expected PEM as a string or Buffer' });
const duration = z.union([z.number(), z.string()]);
/** Of which a ttl must leave something over. */
const LARGEST_SKEW_MS = 250;

const schema = z
  .strictObject({
    hosts: z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]).optional(),
    username: z.string().min(1).optional(),
    password: z.string().optional(),
    mechanism: z.enum(['plain', 'scram-sha-256', 'scram-sha-512']).optional(),
    tls: z
      .union(
        [
          z.boolean(),
          z.strictObject({
            ca: pem.optional(),
            cert: pem.optional(),
            key: pem.optional(),
            servername: z.string().min(1).optional(),
          }),
        ],
        { error: 'expected true, or an object with ca, cert, key, servername' },
      )
      .optional(),
    client: z.custom<Kafka>(isClient, { error: 'expected a Kafka of kafkajs' }).optional(),
    topic: z
      .string()
      .regex(/^(?!\.{1,2}$)[\w.-]{1,249}$/, { error: 'expected 1 to 249 of the characters a-z A-Z 0-9 . _ -' })
      .optional(),
    partitions: z.int().min(1).max(1000).optional(),
    replication: z.int().min(1).max(100).optional(),
    viaBootstrap: z.boolean().optional(),
    timeout: duration.optional(),
    patience: duration.optional(),
    skewMs: z.number().min(0).max(LARGEST_SKEW_MS).optional(),
  })
  .refine(({ username, password }) => (username === undefined) === (password === undefined), {
    error: 'give `username` and `password`, or neither',
  })
  .refine(({ username, mechanism }) => mechanism === undefined || username !== undefined, {
    error: '`mechanism` needs `username` and `password`',
  })
  .refine(
    (options) =>
      options.client === undefined ||
      !(['hosts', 'username', 'tls', 'viaBootstrap'] as const).some((key) => options[key] !== undefined),
    { error: 'give `client`, or `hosts`, `username`, `password`, `tls` and `viaBootstrap`, not both' },
  )
  .refine(({ hosts, viaBootstrap }) => viaBootstrap !== true || !Array.isArray(hosts) || hosts.length === 1, {
    error: '`viaBootstrap` takes one host',
  });

/** Throws `ConfigError`. */
export function resolveOptions(given: KafkaOptions): ResolvedOptions {
  const options = parseOptions('kafka', schema, given);
  const { topic = 'holdfast-locks', partitions = 16, replication, viaBootstrap = false, skewMs = 100 } = options;
  const { hosts: list = '127.0.0.1:9092', timeout, patience } = options;
  const hosts = (typeof list === 'string' ? [list] : list).map((text) => parseHost('kafka', text, 9092));
  const timeoutMs = durationOf('timeout', timeout ?? 2000);
  const client = options.client ?? connectTo(hosts, options, timeoutMs);
  return {
    makeBroker: brokersOf(client),
    hosts: options.client === undefined ? hosts : undefined,
    topic,
    partitions,
    replication,
    viaBootstrap,
    timeoutMs,
    patienceMs: durationOf('patience', patience ?? 5000),
    skewMs,
  };
}

type Parsed = z.output<typeof schema>;

function connectTo(hosts: readonly { host: string; port: number }[], options: Parsed, timeoutMs: number): Kafka {
  const { tls } = options;
  const sasl = saslOf(options);
  return new kafkajs.Kafka({
    clientId: 'holdfast',
    brokers: hosts.map(({ host, port }) => `${host}:${port}`),
    connectionTimeout: timeoutMs,
    authenticationTimeout: timeoutMs,
    // Every answer has its deadline here; kafkajs would look at the clock ten times a second for it.
    enforceRequestTimeout: false,
    logLevel: kafkajs.logLevel.NOTHING,
    socketFactory: quietSocket,
    retry: { retries: 0 },
    ...(sasl === undefined ? {} : { sasl }),
    ...(tls === undefined || tls === false ? {} : { ssl: tls === true ? {} : definedOf(tls) }),
  });
}

function saslOf({ username, password = '', mechanism = 'plain' }: Parsed): SASLOptions | undefined {
  if (username === undefined) return undefined;
  switch (mechanism) {
    case 'plain':
      return { mechanism, username, password };
    case 'scram-sha-256':
      return { mechanism, username, password };
    case 'scram-sha-512':
      return { mechanism, username, password };
  }
}

function durationOf(field: string, value: number | string): number {
  try {
    return parseDuration(field, value, 10);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    throw new ConfigError(`Invalid options for the kafka backend: ${text}`, { cause: error });
  }
}

/** `undefined` means "not given", and overrides nothing. */
function definedOf<T extends object>(options: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]: Exclude<T[K], undefined> };
}

function isClient(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'producer' in value && 'admin' in value;
}
