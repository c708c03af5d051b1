import type { LocksOptions } from '../client/locks.ts';

/** One backend, and defaults of its locks: all of it data, so that a file can hold it. */
export interface BackendConfig extends LocksOptions {
  /**
   * A URL, or the name of an adapter that `options` tell the rest. In a file a relative `file:` URL is relative to the
   * directory of that file.
   */
  backend: string;
  /** The adapter's own options, checked by the adapter. */
  options?: Record<string, unknown> | undefined;
}

/** Several backends by name. `ttl`, `timeout` and `clientId` beside them are for those that have none of their own. */
export interface BackendsConfig extends LocksOptions {
  /** `default` is the one that nobody has to name. A name is 1 to 64 letters, digits, `-`, `_` and `.`, a letter or digit first. */
  backends: Record<string, string | BackendConfig>;
}

/**
 * What `holdfast.config.json`, `.mjs` and `.ts` hold. One without a backend gives defaults for that of `HOLDFAST_URL`.
 * `createLocks()`, `createLocks({ use })` and the `holdfast` command read the same file.
 */
export type HoldfastConfig = BackendConfig | BackendsConfig | LocksOptions;

/** Types the default export of `holdfast.config.mjs` or `.ts`; returns it as it is. It is checked when it is read. */
export function defineConfig(config: LocksOptions): LocksOptions;
export function defineConfig(config: BackendsConfig): BackendsConfig;
export function defineConfig(config: BackendConfig): BackendConfig;
export function defineConfig(config: HoldfastConfig): HoldfastConfig {
  return config;
}

/** Config that was checked: one shape, whether it had one backend or several. */
export interface NamedBackends {
  /** For a backend given by URL, which has none of its own. */
  readonly defaults: LocksOptions;
  readonly backends: ReadonlyMap<string, NamedBackend>;
}

export interface NamedBackend {
  /** As messages call it: `backend` or `backends.jobs`. */
  readonly field: string;
  readonly config: BackendConfig;
}

export const DEFAULT_NAME = 'default';

export function isName(text: string): boolean {
  return /^[a-z0-9][\w.-]{0,63}$/i.test(text);
}
