/** Imported when there is something to check, and not by whoever gives a URL: zod takes longer to load than all the rest. */
import { z } from 'zod';
import type { LocksOptions } from '../client/locks.ts';
import type { LockBackend } from '../contract.ts';
import { ConfigError } from '../errors.ts';
import type { LocksConfig, NamedBackendConfig } from './create-locks.ts';
import { DEFAULT_NAME, isName } from './config.ts';
import type { BackendConfig, BackendsConfig, NamedBackend, NamedBackends } from './config.ts';
import { EXPECTED_DURATION, isDuration } from './duration.ts';
import { isBackend } from './is-backend.ts';
import { issuesOf } from './options.ts';
import { schemeOf } from './redact.ts';

const URL_EXAMPLE = "a URL such as 'redis://localhost:6379'";

function strict<S extends z.core.$ZodLooseShape>(
  shape: S,
  known: string = Object.keys(shape).join(', '),
): z.ZodObject<S, z.core.$strict> {
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? `unknown key ${issue.keys.map((key) => JSON.stringify(key)).join(', ')}; known are ${known}`
        : 'expected an object',
  });
}

const options = z.record(z.string(), z.unknown(), { error: 'expected an object' }).optional();
const clientId = z.string('expected a string').min(1, 'expected 1 to 200 characters').max(200).optional();

/** Of a `LocksConfig` the durations are checked by `Locks`, whose error is `InvalidArgumentError`. */
const duration = z.union([z.number(), z.string()], { error: `expected ${EXPECTED_DURATION}` }).optional();

const locksConfig = strict({
  backend: z.union([z.string().min(1), z.custom<LockBackend>(isBackend)], {
    error: `expected ${URL_EXAMPLE}, an adapter's name, or a backend made by an adapter`,
  }),
  options,
  ttl: duration,
  timeout: duration,
  clientId,
});

const checkedDuration = z.custom<number | string>(isDuration, { error: `expected ${EXPECTED_DURATION}` }).optional();
const defaults = { ttl: checkedDuration, timeout: checkedDuration, clientId };

const backendConfig = strict({
  backend: z.custom<string>((value) => typeof value === 'string' && (schemeOf(value) ?? adapterNamed(value)), {
    error: `expected ${URL_EXAMPLE}, or an adapter's name`,
  }),
  options,
  ...defaults,
});

const backendsConfig = strict({
  backends: z
    .record(
      z.string(),
      z.preprocess((value) => (typeof value === 'string' ? { backend: value } : value), backendConfig),
      { error: 'expected an object of backends by name' },
    )
    .refine((backends) => Object.keys(backends).every(isName), {
      error: "a name is 1 to 64 letters, digits, '-', '_' and '.', a letter or digit first",
    })
    .refine((backends) => Object.keys(backends).length > 0, { error: 'expected at least one' }),
  ...defaults,
});

const defaultsOnly = strict(defaults, 'backend, options, backends, ttl, timeout, clientId');

const name = z.string().refine(isName, { error: 'expected the name of a backend' });
const onlyUse = strict({ use: name });
const withUse = z.looseObject({ use: name.optional() });

/** The object that `createLocks` got; of `backends`, the one to use. Throws a `ConfigError` that names the fields and quotes no value. */
export function parseGiven(value: unknown): LocksConfig | NamedBackendConfig {
  const subject = 'config for createLocks';
  if (!has(value, 'backends')) return parse(subject, has(value, 'use') ? onlyUse : locksConfig, value);
  const { use = DEFAULT_NAME, ...rest } = parse(subject, withUse, value);
  const { backends } = parseHoldfastConfig(subject, rest);
  const named = backends.get(use);
  if (named !== undefined) return named.config;
  throw new ConfigError(`Expected \`use\` to be the name of one of \`backends\`: ${[...backends.keys()].join(', ')}`);
}

/** What a file may hold. `subject`: what is invalid, as the error calls it. Throws a `ConfigError` that names the fields and quotes no value. */
export function parseHoldfastConfig(subject: string, value: unknown): NamedBackends {
  if (has(value, 'backends')) {
    if (has(value, 'backend') || has(value, 'options'))
      throw new ConfigError(`Invalid ${subject}: \`backends\` excludes \`backend\` and \`options\``);
    return several(parse(subject, backendsConfig, value));
  }
  if (has(value, 'backend') || has(value, 'options')) {
    const { backend, options, ...own } = parse(subject, backendConfig, value);
    return one({ backend, options, ...own }, own);
  }
  return { defaults: parse(subject, defaultsOnly, value), backends: new Map() };
}

function one(config: BackendConfig, defaults: LocksOptions): NamedBackends {
  return { defaults, backends: new Map([[DEFAULT_NAME, { field: 'backend', config }]]) };
}

function several({ backends, ...defaults }: BackendsConfig): NamedBackends {
  const named = Object.entries(backends).map(([name, given]): [string, NamedBackend] => {
    const config = typeof given === 'string' ? { backend: given } : given;
    return [name, { field: `backends.${name}`, config: { ...defaults, ...config } }];
  });
  return { defaults, backends: new Map(named) };
}

function parse<S extends z.ZodType>(subject: string, schema: S, value: unknown): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new ConfigError(`Invalid ${subject}: ${issuesOf(result.error)}`);
}

function has(value: unknown, key: string): boolean {
  return typeof value === 'object' && value !== null && key in value;
}

function adapterNamed(text: string): boolean {
  return /^[a-z]+$/.test(text);
}
