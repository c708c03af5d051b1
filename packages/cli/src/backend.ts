import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createLocks } from '@holdfast/core';
import type { Locks } from '@holdfast/core';
import { UsageError } from './exit-status.ts';

const CONFIG_FILE = 'holdfast.config.json';
/** Files in the user's state directory: the processes of one user on one host, with nothing to install. */
const DEFAULT_URL = 'file:';

export interface BackendChoice {
  readonly url: string;
  /** In words, for `doctor`. */
  readonly from: string;
  /** The config file's default for `--ttl`. */
  readonly ttl?: string;
}

/** `url` if the user gave one with `source`, else `HOLDFAST_URL`, else the config file, else files in the user's state directory. */
export function chooseBackend(source: string, url: string | undefined): BackendChoice {
  const config = readConfig(process.cwd());
  const ttl = config?.ttl === undefined ? {} : { ttl: config.ttl };
  if (url !== undefined) return { url: notEmpty(source, url), from: source, ...ttl };
  const environment = process.env['HOLDFAST_URL'];
  // Set but empty is a secret that did not arrive: to fall back to a lock on this host alone would let two hosts in.
  if (environment !== undefined) return { url: notEmpty('HOLDFAST_URL', environment), from: 'HOLDFAST_URL', ...ttl };
  if (config?.backend !== undefined) return { url: config.backend, from: config.path, ...ttl };
  return { url: DEFAULT_URL, from: 'default, since nothing else is configured', ...ttl };
}

export function openLocks(choice: BackendChoice): Promise<Locks> {
  return createLocks({ backend: choice.url, ...(choice.ttl === undefined ? {} : { ttl: choice.ttl }) });
}

function notEmpty(source: string, url: string): string {
  if (url.trim() === '')
    throw new UsageError(`Expected ${source} to be a URL such as redis://localhost:6379, got an empty string`);
  return url;
}

interface ConfigFile {
  readonly path: string;
  readonly backend?: string;
  readonly ttl?: string;
}

/** The nearest one from `directory` upwards. */
function readConfig(directory: string): ConfigFile | undefined {
  const path = join(directory, CONFIG_FILE);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Unreadable is not absent: without what it says the wrong backend would be locked.
    if (code !== 'ENOENT' && code !== 'ENOTDIR')
      throw new UsageError(`Cannot read ${path}: ${String(code)}`, { cause: error });
    const parent = dirname(directory);
    return parent === directory ? undefined : readConfig(parent);
  }
  return checkConfig(path, parseJson(path, text));
}

function parseJson(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    // The parser's message quotes the text, which may hold a password.
    throw new UsageError(`${path} is not valid JSON`, { cause });
  }
}

function checkConfig(path: string, value: unknown): ConfigFile {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new UsageError(`Expected ${path} to be a JSON object`);
  const { backend, ttl, ...unknown } = value as Record<string, unknown>;
  const [first] = Object.keys(unknown);
  if (first !== undefined) throw new UsageError(`Unknown key \`${first}\` in ${path}; known are backend, ttl`);
  return { path, ...text(path, 'backend', backend), ...text(path, 'ttl', ttl) };
}

function text(path: string, key: 'backend' | 'ttl', value: unknown): { readonly [K in typeof key]?: string } {
  if (value === undefined) return {};
  if (typeof value === 'string' && value.trim() !== '') return { [key]: value };
  throw new UsageError(`Expected \`${key}\` in ${path} to be a non-empty string`);
}
