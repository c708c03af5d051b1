/**
 * Where things are, under the backend's prefix:
 *
 * - `queue/<name>/<id>.<kind>`: a request; `queue/<name>/!<id>.<kind>`: one that stole the lock, which stands before all others
 * - `session/<lease>`: goes when the lease is revoked, which the session watches
 * - `session/<lease>/gone/<id>.<kind>`: this request was given up, and must not enter any more
 * - `session/<lease>/stolen`: whoever steals from that session writes here what it took
 * - `session/<lease>/next/<id>.<kind>`: who waits directly behind this request, and gets the lock from it at its release
 *
 * A name is percent-encoded as in a URL: that is injective on well-formed strings and has no `/`, so that no name's range
 * holds another's keys.
 */
import type { Place } from '@holdfast/core/adapter';

export interface KeyRange {
  readonly key: Buffer;
  readonly range_end: Buffer;
}

export interface Identity extends Place {
  /** Whether it stole the lock. */
  readonly thief: boolean;
}

export function queueOf(prefix: string, name: string): string {
  return `${prefix}queue/${encodeURIComponent(name)}/`;
}

export function allQueues(prefix: string): string {
  return `${prefix}queue/`;
}

export function sessionOf(prefix: string, lease: string): string {
  return `${prefix}session/${BigInt(lease).toString(16).padStart(16, '0')}`;
}

export function mailboxOf(prefix: string, lease: string): string {
  return `${sessionOf(prefix, lease)}/stolen`;
}

/** Of a request that is in the queue with this key, in the session of this lease. */
export function successorOf(prefix: string, lease: string, key: string): string {
  return `${sessionOf(prefix, lease)}/next/${key.slice(key.lastIndexOf('/') + 1)}`;
}

export function requestKey(queue: string, id: string, { mode, permits, thief }: Identity): string {
  const kind = mode === 'semaphore' ? `p${permits ?? 1}` : mode === 'shared' ? 's' : 'x';
  return `${queue}${thief ? '!' : ''}${id}.${kind}`;
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
  const encoded = queue.slice(allQueues(prefix).length, -1);
  try {
    return decodeURIComponent(encoded);
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
    // Put there by hand: shown as it is.
    return encoded;
  }
}

/** All keys that begin with `start`. */
export function under(start: string): KeyRange {
  const key = Buffer.from(start);
  const end = Buffer.from(key);
  // Our prefixes end in ASCII: there is always a next byte.
  end.writeUInt8(end.readUInt8(end.length - 1) + 1, end.length - 1);
  return { key, range_end: end };
}

export function thieves(queue: string): KeyRange {
  return under(`${queue}!`);
}
