/**
 * Where things are, under the backend's prefix:
 *
 * - `queue/<name>/<id>.<kind>`: a request; `queue/<name>/!<id>.<kind>`: one that steals the lock, which stands before all others
 * - `session/<id>`: shows that a session is alive, is the fence of its requests, and tells it of thefts
 *
 * Of a name's bytes, letters, digits, `-` and `_` stand for themselves, the others are written as `=2F`: that is injective, and
 * no name's range holds another's keys. Not percent-encoding: since 1.22 Consul refuses keys that look like an encoded path.
 */
import type { Place } from '@holdfast/core/adapter';

export interface Identity extends Place {
  /** Whether it steals the lock. */
  readonly thief: boolean;
}

export function queueOf(prefix: string, name: string): string {
  return `${prefix}queue/${encodeName(name)}/`;
}

/** What the keys of those begin with who steal. */
export function thievesOf(queue: string): string {
  return `${queue}!`;
}

export function allQueues(prefix: string): string {
  return `${prefix}queue/`;
}

export function sessionKey(prefix: string, id: string): string {
  return `${prefix}session/${id}`;
}

export function requestKey(queue: string, id: string, { mode, permits, thief }: Identity): string {
  const kind = mode === 'semaphore' ? `p${permits ?? 1}` : mode === 'shared' ? 's' : 'x';
  return `${thief ? thievesOf(queue) : queue}${id}.${kind}`;
}

const REQUEST = /^(.*\/)(!?)[\w-]+\.(x|s|p(\d+))$/s;

/** `undefined` for a key that no Holdfast client wrote. */
export function parseRequestKey(key: string): (Identity & { readonly queue: string }) | undefined {
  const [, queue, mark, kind, permits] = REQUEST.exec(key) ?? [];
  if (queue === undefined) return undefined;
  const thief = mark === '!';
  if (permits !== undefined) return { queue, thief, mode: 'semaphore', permits: Number(permits) };
  return { queue, thief, mode: kind === 's' ? 'shared' : 'exclusive' };
}

export function nameOf(prefix: string, queue: string): string {
  return decodeName(queue.slice(allQueues(prefix).length, -1));
}

function encodeName(name: string): string {
  let encoded = '';
  for (const byte of Buffer.from(name)) {
    const char = String.fromCharCode(byte);
    encoded += /[\w-]/.test(char) ? char : `=${byte.toString(16).padStart(2, '0').toUpperCase()}`;
  }
  return encoded;
}

function decodeName(encoded: string): string {
  const bytes: number[] = [];
  for (const [token] of encoded.matchAll(/=[0-9A-F]{2}|./gs)) {
    bytes.push(token.length === 3 ? Number.parseInt(token.slice(1), 16) : token.charCodeAt(0));
  }
  return Buffer.from(bytes).toString();
}

/** As the path of a request: the keys have no character that a URL must escape but the prefix may have. */
export function pathOf(key: string): string {
  return key.split('/').map(encodeURIComponent).join('/');
}
