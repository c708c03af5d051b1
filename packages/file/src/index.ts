import { ConfigError } from '@holdfast/core/adapter';
import type { Adapter, LockBackend } from '@holdfast/core/adapter';
import { capabilities, FileBackend } from './backend.ts';
import { optionsFromUrl, resolveOptions } from './options.ts';
import type { FileOptions } from './options.ts';

export type { FileOptions } from './options.ts';

/**
 * Locks between the processes of one host, kept in a directory; no server. Nothing is touched before the first request.
 * Throws `ConfigError` for a bad option, and on Windows.
 */
export function file(options: FileOptions = {}): LockBackend {
  return open(options);
}

function open(options: FileOptions, base?: string): LockBackend {
  if (process.platform === 'win32') {
    throw new ConfigError(
      'The file backend needs a Unix kernel; on Windows use WSL or a backend with a server, such as redis',
    );
  }
  return new FileBackend(resolveOptions(options, base));
}

/** What core imports for a URL that begins with `file:`. */
export const adapter: Adapter = {
  name: 'file',
  protocols: ['file:'],
  capabilities,
  create({ url, options = {}, directory }) {
    const fromUrl = url === undefined ? {} : optionsFromUrl(url);
    const twice = Object.keys(fromUrl).find((key) => Object.hasOwn(options, key));
    if (twice !== undefined) throw new ConfigError(`\`${twice}\` is given twice: in the file URL and in the options`);
    return open({ ...options, ...fromUrl }, directory);
  },
};
