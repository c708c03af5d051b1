import { Locks } from '../client/locks.ts';
import type { LocksOptions } from '../client/locks.ts';
import type { LockBackend } from '../contract.ts';
import { ConfigError } from '../errors.ts';
import { chooseBackend } from './choose.ts';
import type { BackendsConfig } from './config.ts';
import { isBackend } from './is-backend.ts';
import { openChoice, openLocks } from './open.ts';

/** A backend and defaults of its locks. Unlike a `BackendConfig`, it may have a backend that is made already. */
export interface LocksConfig extends LocksOptions {
  /** A URL, the name of an adapter, or a backend that an adapter's factory made. */
  backend: string | LockBackend;
  /** The adapter's own options, checked by the adapter. */
  options?: Record<string, unknown> | undefined;
}

/** One of several backends by its name; without `backends`, one of those in the config file. */
export interface NamedBackendConfig {
  use: string;
}

/**
 * Locks over the backend that is configured: that of `HOLDFAST_URL`, else `default` of the `holdfast.config.json`, `.mjs` or `.ts`
 * that is nearest from the working directory upwards.
 *
 * Throws `ConfigError` where there is none, where the file is bad, and as the other form does.
 */
export function createLocks(): Promise<Locks>;
/**
 * Locks over the backend that `config` names. The URL's scheme picks the adapter package, which is imported on demand.
 * `{ use: 'jobs' }` is the backend of that name in the config file, whatever `HOLDFAST_URL` says.
 *
 * Throws `ConfigError` for a bad config, an unknown scheme or an adapter that is not installed, and `InvalidArgumentError`
 * for a bad `ttl` or `timeout`. Most adapters connect at the first request, so an unreachable server shows there.
 */
export function createLocks(
  config:
    | string
    | LocksConfig
    | LockBackend
    | Promise<LockBackend>
    | NamedBackendConfig
    | (BackendsConfig & Partial<NamedBackendConfig>),
): Promise<Locks>;
// An `undefined` that was given is a variable that was not set, not the wish to be served from the file.
export async function createLocks(...given: readonly unknown[]): Promise<Locks> {
  if (given.length === 0) return await openChoice(await chooseBackend());
  const config = await given[0];
  if (isBackend(config)) return new Locks(config);
  if (typeof config === 'string') return await openLocks({ backend: config });
  const { parseGiven } = await import('./schema.ts');
  const parsed = parseGiven(config);
  if ('use' in parsed) return await openChoice(await chooseBackend({ wish: { source: '`use`', value: parsed.use } }));
  const { backend, options, ...own } = parsed;
  if (typeof backend === 'string') return await openLocks({ backend, options, ...own });
  if (options === undefined) return new Locks(backend, own);
  throw new ConfigError('`options` are for a backend given by URL or name; this one is made already');
}
