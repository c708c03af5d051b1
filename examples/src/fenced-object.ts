/**
 * Writes to an object store that a holder who has lost its lock can't make any more. The store compares ETags, not tokens: so the token
 * is kept in the object, and each write goes only over the version that it was made from.
 */
import type { Lock } from '@holdfast/core';
import { StaleTokenError } from './stale-token-error.ts';

interface Fenced<T> {
  /** Decimal: JSON has no integers of 63 bits. */
  readonly fence: string;
  readonly value: T | null;
}

export interface Claimed<T> {
  /** As the holder before left it; `null` if there is none yet. */
  readonly value: T | null;
  /** Throws `StaleTokenError` when a newer holder was here. */
  save(value: T): Promise<void>;
}

/**
 * The first thing to do under a lock: leaves the new token in the object. What an older holder has still under way was meant for a version
 * that is gone from then on, and what it reads from then on tells it that it is late.
 */
export async function claim<T>(url: string, lock: Lock): Promise<Claimed<T>> {
  const fence = String(lock.fencingToken);
  for (;;) {
    const { etag, ...found } = await read<T>(url, lock);
    if (BigInt(found.fence) > lock.fencingToken) throw new StaleTokenError(`${url} has a newer token, ${found.fence}`);
    let version = await write(url, { fence, value: found.value }, etag, lock);
    // A write of an older holder came in between. The next round reads it, and builds upon it.
    if (version === null) continue;
    const save = async (value: T): Promise<void> => {
      version = await write(url, { fence, value }, version, lock);
      if (version === null) throw new StaleTokenError(`${url} was claimed by somebody newer than ${fence}`);
    };
    return { value: found.value, save };
  }
}

async function read<T>(url: string, { signal }: Lock): Promise<Fenced<T> & { etag: string | null }> {
  const response = await fetch(url, { signal });
  if (response.status === 404) return { fence: '0', value: null, etag: null };
  if (!response.ok) throw new Error(`GET ${url} was answered ${response.status}`);
  return { ...((await response.json()) as Fenced<T>), etag: response.headers.get('etag') };
}

/** Its ETag; `null` if the object was no longer the one with `etag`. */
async function write<T>(url: string, body: Fenced<T>, etag: string | null, { signal }: Lock): Promise<string | null> {
  const condition: Record<string, string> = etag === null ? { 'if-none-match': '*' } : { 'if-match': etag };
  const response = await fetch(url, { method: 'PUT', body: JSON.stringify(body), headers: condition, signal });
  if (response.status === 412) return null;
  if (!response.ok) throw new Error(`PUT ${url} was answered ${response.status}`);
  return response.headers.get('etag');
}
