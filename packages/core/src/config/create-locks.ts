import { z } from 'zod';
import type { LockBackend } from '../contract.ts';
import { Locks } from '../client/locks.ts';
import type { LocksOptions } from '../client/locks.ts';
import { ConfigError } from '../errors.ts';
import { loadAdapter } from './load-adapter.ts';
import { redactUrl, schemeOf } from './redact.ts';

export interface LocksConfig extends LocksOptions {
  /** A URL, the name of an adapter, or a backend that an adapter's factory made. */
  backend: string | LockBackend;
  /** The adapter's own options, checked by the adapter. */
  options?: Record<string, unknown> | undefined;
}

const duration = z.union([z.number(), z.string()]);

const configSchema: z.ZodType<LocksConfig, LocksConfig> = z.strictObject({
  backend: z.union([z.string().min(1), z.custom<LockBackend>(isBackend)], {
    error: "expected a URL such as 'redis://localhost:6379', a backend's name, or a backend made by an adapter",
  }),
  options: z.record(z.string(), z.unknown()).optional(),
  ttl: duration.optional(),
  timeout: duration.optional(),
  clientId: z.string().min(1).max(200).optional(),
});

/**
 * Locks over the backend that `config` names. The URL's scheme picks the adapter package, which is imported on demand.
 *
 * Throws `ConfigError` for a bad config, an unknown scheme or an adapter that is not installed, and `InvalidArgumentError`
 * for a bad `ttl` or `timeout`. Most adapters connect at the first request, so an unreachable server shows there.
 */
export async function createLocks(config: string | LocksConfig | LockBackend): Promise<Locks> {
  if (isBackend(config)) return new Locks(config);
  const { backend, options, ...locksOptions } = parseConfig(typeof config === 'string' ? { backend: config } : config);
  if (typeof backend !== 'string') {
    if (options !== undefined)
      throw new ConfigError('`options` are for a backend given by URL or name; this one is made already');
    return new Locks(backend, locksOptions);
  }
  const made = await makeBackend(backend, options);
  try {
    return new Locks(made, locksOptions);
  } catch (error) {
    await made.close();
    throw error;
  }
}

function isBackend(value: unknown): value is LockBackend {
  return (
    typeof value === 'object' && value !== null && 'acquire' in value && 'release' in value && 'capabilities' in value
  );
}

function parseConfig(config: unknown): LocksConfig {
  const result = configSchema.safeParse(config);
  if (result.success) return result.data;
  const issues = result.error.issues.map(
    (issue) => `${issue.path.length === 0 ? '' : `\`${issue.path.join('.')}\`: `}${issue.message}`,
  );
  throw new ConfigError(`Invalid config for createLocks: ${issues.join('; ')}`);
}

async function makeBackend(backend: string, options: Record<string, unknown> | undefined): Promise<LockBackend> {
  const scheme = schemeOf(backend);
  const given = options === undefined ? {} : { options };
  if (scheme !== undefined) return await (await loadAdapter({ scheme })).create({ url: backend, ...given });
  if (/^[a-z]+$/.test(backend)) return await (await loadAdapter({ name: backend })).create(given);
  throw new ConfigError(
    `Expected \`backend\` to be a URL such as 'redis://localhost:6379', got ${JSON.stringify(redactUrl(backend).slice(0, 60))}`,
  );
}
