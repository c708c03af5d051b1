import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ConfigError } from '../errors.ts';
import type { NamedBackends } from './config.ts';
import type { ConfigFile } from './find-file.ts';
import { parseHoldfastConfig } from './schema.ts';

/**
 * Reads, or runs, a config file and checks what it holds. Throws a `ConfigError` that names the file, and without a cause:
 * what a parser or a constructor says quotes the text, which may hold a password.
 */
export async function loadConfigFile(file: ConfigFile): Promise<NamedBackends> {
  const value = file.kind === '.json' ? parseJson(file.path) : await importDefault(file);
  return parseHoldfastConfig(file.path, value);
}

function parseJson(path: string): unknown {
  const text = read(path);
  try {
    return JSON.parse(text);
  } catch {
    throw new ConfigError(`${path} is not valid JSON`);
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new ConfigError(`Cannot read ${path}: ${(cause as NodeJS.ErrnoException).code}`, { cause });
  }
}

async function importDefault(file: ConfigFile): Promise<unknown> {
  const { path } = file;
  let value: unknown;
  try {
    const module = (await import(pathToFileURL(path).href)) as { readonly default?: unknown };
    value = await module.default;
  } catch (error) {
    throw new ConfigError(whyNotLoaded(file, error));
  }
  if (value === undefined)
    throw new ConfigError(`${path} has no default export; write: export default defineConfig({ … })`);
  return value;
}

function whyNotLoaded({ path, kind }: ConfigFile, error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
  if (kind === '.ts' && code === 'ERR_UNKNOWN_FILE_EXTENSION') {
    return `Cannot load ${path}: this Node (${process.version}) does not run TypeScript. Rename it to ${basename(path, kind)}.mjs, use Node 22.18 or later, or a loader: NODE_OPTIONS='--import tsx'`;
  }
  // Node's own words, with names of modules and nothing else.
  if (error instanceof Error && code === 'ERR_MODULE_NOT_FOUND') return `Cannot load ${path}: ${error.message}`;
  return `Cannot load ${path}: ${whatWasThrown(basename(path), error, code)}; \`node ${path}\` shows all of it`;
}

/** The kind of error and its place. Not the message: `Invalid URL` comes with the URL, a parser quotes what it stumbled over. */
function whatWasThrown(name: string, error: unknown, code: string | undefined): string {
  if (!(error instanceof Error)) return 'it throws what is no Error';
  const line = error.stack
    ?.split(name)
    .slice(1)
    .map((rest) => /^:(\d+)/.exec(rest)?.[1])
    .find(Boolean);
  return `${error.constructor.name}${code === undefined ? '' : ` (${code})`}${line === undefined ? '' : ` at line ${line}`}`;
}
