import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ConfigError, parseOptions, urlOptions } from '@holdfast/core/adapter';
import { z } from 'zod';

export interface FileOptions {
  /**
   * Where the locks are kept; all processes that share a lock must use the same directory, on one host. Relative to the working
   * directory, in a config file to that of the file. Default: `$XDG_STATE_HOME/holdfast`, else `~/.local/state/holdfast`. Made for this user only (mode 0700).
   */
  directory?: string | undefined;
  /** Use the directory although its file system is not known to be local. Wrong on NFS, SMB and the like. Default `false`. */
  assumeLocal?: boolean | undefined;
}

export interface ResolvedOptions {
  readonly directory: string;
  readonly assumeLocal: boolean;
}

const schema: z.ZodType<FileOptions> = z.strictObject({
  directory: z
    .string()
    .min(1, 'expected a path')
    .refine((path) => !path.includes('\0'), 'a path has no NUL')
    .optional(),
  assumeLocal: z.boolean().optional(),
});

/** A relative directory is one in `base`. Throws `ConfigError` for an unknown or bad option. */
export function resolveOptions(options: unknown, base: string = process.cwd()): ResolvedOptions {
  const { directory, assumeLocal } = parseOptions('file', schema, options);
  const absolute = resolve(base, directory ?? stateDirectory());
  if (absolute === '/') throw new ConfigError('The root of the file system is no place for locks');
  return { directory: absolute, assumeLocal: assumeLocal ?? false };
}

/** `file:`, `file:relative`, `file:///absolute`, each with `?assumeLocal=true` if wanted. */
export function optionsFromUrl(url: string): FileOptions {
  const [, location = '', query = '', fragment] = /^file:([^?#]*)(?:\?([^#]*))?(#.*)?$/i.exec(url) ?? [];
  if (fragment !== undefined) throw new ConfigError("A file URL has no fragment; write a '#' in a path as %23");
  const options = urlOptions('file', new URLSearchParams(query));
  if (location === '') return options;
  if ('directory' in options)
    throw new ConfigError('The file URL gives the directory twice: as its path and as `directory`');
  return { ...options, directory: pathFrom(location) };
}

function pathFrom(location: string): string {
  try {
    return location.startsWith('/') ? fileURLToPath(`file:${location}`) : decodeURIComponent(location);
  } catch (error) {
    throw new ConfigError(
      "Expected a file URL such as 'file:', 'file:./locks' or 'file:///var/lib/locks', without a host",
      {
        cause: error,
      },
    );
  }
}

function stateDirectory(): string {
  const base = process.env['XDG_STATE_HOME'];
  // "Must be absolute; ignore it otherwise" (XDG Base Directory Specification).
  return join(base?.startsWith('/') === true ? base : join(homedir(), '.local', 'state'), 'holdfast');
}
