import { ConfigError, parseDuration, parseHost, parseOptions } from '@holdfast/core/adapter';
import { z } from 'zod';
import type { AgentsOptions } from './agents.ts';
import { DEFAULT_SESSION_TTL_MIN_MS } from './capabilities.ts';
import type { Place } from './backend.ts';
import type { Scope } from './consul.ts';

export interface TlsOptions {
  /** In PEM: the authority's certificate; default: the system's. */
  readonly ca?: string | Buffer | undefined;
  /** In PEM: the client's own certificate and key, if the agents ask for one. */
  readonly cert?: string | Buffer | undefined;
  readonly key?: string | Buffer | undefined;
  /** The name to expect in the agent's certificate, such as `server.dc1.consul`; default: the host. */
  readonly servername?: string | undefined;
}

export interface ConsulOptions {
  /** Agents of one cluster, as `host` or `host:port`; default `127.0.0.1:8500`. */
  readonly hosts?: string | readonly string[] | undefined;
  /** Of the ACL system. */
  readonly token?: string | undefined;
  /** Default: that of the agent. */
  readonly datacenter?: string | undefined;
  /** Of Consul Enterprise. */
  readonly namespace?: string | undefined;
  readonly partition?: string | undefined;
  readonly tls?: boolean | TlsOptions | undefined;
  /** Of all keys; default `holdfast/`. */
  readonly prefix?: string | undefined;
  /** The node in Consul's catalog that the sessions belong to, which is registered if missing; default `holdfast`. */
  readonly node?: string | undefined;
  /** The servers' `session_ttl_min`, in ms or as `'10s'`, which is the default. The shortest ttl of a lock is twice that. */
  readonly sessionTtlMin?: number | string | undefined;
  /** For one request to an agent, in ms or as `'2s'`; default 2 s. Then the next agent is asked. */
  readonly timeout?: number | string | undefined;
  /** After which a request that no agent answers fails with `BackendUnavailableError`, in ms or as `'5s'`; default 5 s. */
  readonly patience?: number | string | undefined;
}

export interface ResolvedOptions {
  readonly agents: AgentsOptions;
  readonly scope: Scope;
  readonly place: Place;
  readonly sessionTtlMinMs: number;
}

const DEFAULT_PORT = 8500;
const DEFAULT_TIMEOUT_MS = 2000;
const DEFAULT_PATIENCE_MS = 5000;

const pem = z.union([z.string().min(1), z.instanceof(Buffer)], { error: 'expected PEM as a string or Buffer' });
const label = z.string().regex(/^(?!\.+$)[\w.-]+$/, { error: 'expected letters, digits or any of - _ .' });
const duration = z.union([z.number(), z.string()], { error: 'expected a duration such as 5000 or "5s"' });

const schema = z.strictObject({
  hosts: z.union([z.string(), z.array(z.string()).min(1)], { error: 'expected host:port, or several' }).optional(),
  token: z
    .string()
    .regex(/^[\x21-\x7e]+$/, { error: 'expected an ACL token' })
    .optional(),
  datacenter: label.optional(),
  namespace: label.optional(),
  partition: label.optional(),
  tls: z
    .union(
      [
        z.boolean(),
        z.strictObject({ ca: pem.optional(), cert: pem.optional(), key: pem.optional(), servername: label.optional() }),
      ],
      {
        error: 'expected true, or an object with any of ca, cert, key, servername',
      },
    )
    .optional(),
  // Without what Consul refuses in a key, or a proxy changes in a path.
  prefix: z
    .string()
    .regex(/^(?!\.{0,2}\/)[\w.-]+(\/(?!\.{0,2}\/)[\w.-]+)*\/$/, { error: 'expected a prefix such as app/locks/' })
    .optional(),
  node: label.optional(),
  sessionTtlMin: duration.optional(),
  timeout: duration.optional(),
  patience: duration.optional(),
});

export function resolveOptions(given: ConsulOptions): ResolvedOptions {
  const options = parseOptions('consul', schema, given);
  const {
    hosts = '127.0.0.1',
    token,
    datacenter,
    namespace,
    partition,
    tls,
    prefix = 'holdfast/',
    node = 'holdfast',
  } = options;
  return {
    agents: {
      hosts: (typeof hosts === 'string' ? [hosts] : hosts).map((text) => parseHost('consul', text, DEFAULT_PORT)),
      token,
      tls: tls === true ? {} : tls === false ? undefined : tls,
      timeoutMs: durationOf('timeout', options.timeout, DEFAULT_TIMEOUT_MS),
      patienceMs: durationOf('patience', options.patience, DEFAULT_PATIENCE_MS),
    },
    scope: { datacenter, namespace, partition },
    place: { prefix, node },
    sessionTtlMinMs: durationOf('sessionTtlMin', options.sessionTtlMin, DEFAULT_SESSION_TTL_MIN_MS),
  };
}

function durationOf(field: string, value: number | string | undefined, defaultMs: number): number {
  if (value === undefined) return defaultMs;
  try {
    return parseDuration(field, value);
  } catch (cause) {
    throw new ConfigError(
      `Invalid options for the consul backend: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
  }
}
