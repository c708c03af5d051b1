import { dirname } from 'node:path';
import { Locks } from '../client/locks.ts';
import type { LocksOptions } from '../client/locks.ts';
import type { AdapterConfig, LockBackend } from '../contract.ts';
import { ConfigError } from '../errors.ts';
import type { BackendChoice } from './choose.ts';
import type { BackendConfig } from './config.ts';
import { loadAdapter } from './load-adapter.ts';
import { redactUrl, schemeOf } from './redact.ts';

/** Throws `ConfigError`, and `InvalidArgumentError` for a bad `ttl` or `timeout`. */
export async function openLocks({ backend, options, ...own }: BackendConfig): Promise<Locks> {
  return await locksOver(await makeBackend(backend, options === undefined ? {} : { options }), own);
}

/** The same for what was chosen from configuration: a `ConfigError` begins with where the bad value came from. */
export async function openChoice({ config, source, field, file }: BackendChoice): Promise<Locks> {
  const { backend, options, ...own } = config;
  const inFile = file !== undefined && field !== undefined;
  const made = await makeBackend(backend, {
    ...(options === undefined ? {} : { options }),
    ...(inFile ? { directory: dirname(file.path) } : {}),
  }).catch((error: unknown) => {
    throw located(inFile ? `${file.path}, \`${field}\`` : source, error);
  });
  return await locksOver(made, own).catch((error: unknown) => {
    throw located(file?.path, error);
  });
}

async function locksOver(backend: LockBackend, options: LocksOptions): Promise<Locks> {
  try {
    return new Locks(backend, options);
  } catch (error) {
    await backend.close();
    throw error;
  }
}

/** Throws `ConfigError`, and what the adapter throws. */
export async function makeBackend(backend: string, config: Omit<AdapterConfig, 'url'>): Promise<LockBackend> {
  const scheme = schemeOf(backend);
  if (scheme === 'quorum:') {
    const { createFromUrl } = await import('../quorum/adapter.ts');
    return await createFromUrl({ url: backend, ...config });
  }
  if (scheme !== undefined) return await (await loadAdapter({ scheme })).create({ url: backend, ...config });
  if (/^[a-z]+$/.test(backend)) return await (await loadAdapter({ name: backend })).create(config);
  throw new ConfigError(
    `Expected \`backend\` to be a URL such as 'redis://localhost:6379', got ${JSON.stringify(redactUrl(backend).slice(0, 60))}`,
  );
}

/** By the code, not the class: an adapter may bring its own copy of core. */
function located(where: string | undefined, error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (where === undefined || !(error instanceof Error) || (code !== 'CONFIG' && code !== 'INVALID_ARGUMENT'))
    return error;
  return new ConfigError(`${where}: ${error.message}`, { cause: error });
}
