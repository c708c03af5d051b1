import { InvalidArgumentError } from '../errors.ts';
import { shown } from '../config/duration.ts';

export const MAX_NAME_BYTES = 1024;

/** Throws `InvalidArgumentError` unless `name` is 1 to 1024 bytes of UTF-8 without NUL. */
export function checkName(name: unknown): asserts name is string {
  if (typeof name !== 'string' || name.length === 0) throw invalid(`a non-empty string, got ${shown(name)}`);
  const bytes = Buffer.byteLength(name);
  if (bytes > MAX_NAME_BYTES) throw invalid(`at most ${MAX_NAME_BYTES} bytes of UTF-8, got ${bytes} bytes`);
  if (name.includes('\0')) throw invalid(`without NUL characters, got ${shown(name)}`);
  // Every lone surrogate encodes to the same replacement character: two names would share a lock.
  if (/\p{Surrogate}/u.test(name)) throw invalid(`well-formed Unicode, got a lone surrogate in ${shown(name)}`);
}

function invalid(expectation: string): InvalidArgumentError {
  return new InvalidArgumentError(`Expected \`name\` to be ${expectation}`);
}
