import { ConfigError } from '../errors.ts';
import { DEFAULT_NAME } from './config.ts';
import type { BackendConfig, NamedBackends } from './config.ts';
import { findConfigFile } from './find-file.ts';
import { schemeOf } from './redact.ts';

const VARIABLE = 'HOLDFAST_URL';
const FILES = 'holdfast.config.json, .mjs or .ts';

/** A URL or the name of a configured backend, and what gave it, as messages say: `--backend`. */
export interface Wish {
  readonly source: string;
  readonly value: string;
}

export interface ChooseOptions {
  /** Comes before `HOLDFAST_URL`. */
  readonly wish?: Wish | undefined;
  /** The URL to use where nothing is configured; default: that is an error. */
  readonly fallback?: string | undefined;
}

/** A backend, and why it is this one. */
export interface BackendChoice {
  readonly config: BackendConfig;
  /** The source of the wish, `HOLDFAST_URL`, the path of the config file, or `undefined`: the fallback. */
  readonly source: string | undefined;
  /** The field of the config file that describes it; absent for a URL that was given. */
  readonly field?: string;
  /** The config file, whether it was followed or not, and the names that it has. */
  readonly file?: { readonly path: string; readonly names: readonly string[] };
  /** What gave a backend, too, but was not followed: `HOLDFAST_URL`, or a field of the config file. */
  readonly overridden: readonly string[];
}

interface LoadedFile extends NamedBackends {
  readonly path: string;
}

/**
 * The wish, else `HOLDFAST_URL`, else the config file's default, else the fallback. A URL takes the place of a backend and its
 * `options`; the file's defaults for locks stay. Throws `ConfigError` also for a file that would not be followed.
 */
export async function chooseBackend({ wish, fallback }: ChooseOptions = {}): Promise<BackendChoice> {
  const file = await loadNearest(process.cwd());
  const environment = process.env[VARIABLE];
  const followed = wish ?? (environment === undefined ? undefined : { source: VARIABLE, value: environment });
  const choice = followed === undefined ? byDefault(file, fallback) : asWished(file, followed);
  const field = file?.backends.get(DEFAULT_NAME)?.field;
  return {
    ...choice,
    ...(file === undefined ? {} : { file: { path: file.path, names: [...file.backends.keys()] } }),
    overridden: [
      ...(wish !== undefined && environment !== undefined ? [VARIABLE] : []),
      ...(field !== undefined && field !== choice.field ? [field] : []),
    ],
  };
}

async function loadNearest(directory: string): Promise<LoadedFile | undefined> {
  const file = findConfigFile(directory);
  if (file === undefined) return undefined;
  const { loadConfigFile } = await import('./load-file.ts');
  return { path: file.path, ...(await loadConfigFile(file)) };
}

type Chosen = Pick<BackendChoice, 'config' | 'source' | 'field'>;

function byDefault(file: LoadedFile | undefined, fallback: string | undefined): Chosen {
  const named = file?.backends.get(DEFAULT_NAME);
  if (file !== undefined && named !== undefined) return { source: file.path, ...named };
  if (file !== undefined && file.backends.size > 0) {
    throw new ConfigError(`${file.path} has no backend named default; choose one of ${namesIn(file)}`);
  }
  if (fallback !== undefined) return { source: undefined, config: withDefaults(fallback, file) };
  throw new ConfigError(
    `No backend is configured: give createLocks a URL such as 'redis://localhost:6379', set ${VARIABLE}, or write ${FILES} (looked for from ${process.cwd()} upwards)`,
  );
}

function asWished(file: LoadedFile | undefined, { source, value }: Wish): Chosen {
  const url = `Expected ${source} to be a URL such as redis://localhost:6379`;
  // Set but empty is a secret that did not arrive: to fall back to a lock on this host alone would let two hosts in.
  if (value.trim() === '') throw new ConfigError(`${url}, got an empty string`);
  if (schemeOf(value) !== undefined) return { source, config: withDefaults(value, file) };
  const named = file?.backends.get(value);
  if (named !== undefined) return { source, ...named };
  // Not quoted: what is neither may be a password that went astray.
  const names = file === undefined ? `a ${FILES}; there is none` : `${file.path}: ${namesIn(file)}`;
  throw new ConfigError(`${url}, or the name of a backend in ${names}`);
}

function withDefaults(url: string, file: LoadedFile | undefined): BackendConfig {
  return { ...file?.defaults, backend: url };
}

function namesIn({ backends }: LoadedFile): string {
  return backends.size === 0 ? '(it has none)' : [...backends.keys()].join(', ');
}
