import { BackendUnavailableError, ConfigError, HoldfastError } from '@holdfast/core/adapter';

export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

/** Mistakes that stay until somebody changes the directory, with what to do; anything else may pass. */
const mistakes: Readonly<Record<string, string>> = {
  EACCES: 'this user may not use it (a directory of locks belongs to one user)',
  EPERM: 'the operation is not permitted (the file system must know hard links, and the directory belong to this user)',
  EROFS: 'the file system is read-only',
  ENOTDIR: 'a part of the path is not a directory',
  EEXIST: 'what stands there is not a directory',
  EISDIR: 'a directory stands where a file should be',
  ELOOP: 'too many symbolic links',
  ENAMETOOLONG: 'the path is too long',
  ENOTSUP: 'the file system does not know hard links or sockets',
  EOPNOTSUPP: 'the file system does not know hard links or sockets',
};

/** The error of a file system call as the user gets it: it names the directory and keeps the driver's error as `cause`. */
export function fileError(error: unknown, directory: string): Error {
  if (error instanceof HoldfastError || !(error instanceof Error) || !('code' in error)) {
    return error instanceof Error ? error : new Error(String(error));
  }
  const code = String(error.code);
  const mistake = mistakes[code];
  if (mistake !== undefined) {
    return new ConfigError(`Can't keep locks in ${directory}: ${mistake} (${code})`, { cause: error });
  }
  const reason = code === 'ENOSPC' || code === 'EDQUOT' ? 'no space left' : error.message;
  return new BackendUnavailableError(`Can't use the locks in ${directory}: ${reason} (${code})`, { cause: error });
}
