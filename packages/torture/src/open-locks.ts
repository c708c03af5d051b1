import { createLocks } from '@holdfast/core';
import type { Locks } from '@holdfast/core';

/** Before the URL of a JavaScript module that exports `open(): Promise<Locks>`, for a backend that has no adapter. */
export const MODULE_PREFIX = 'module:';

/** A client for a backend's URL, or for a module's. */
export async function openLocks(url: string): Promise<Locks> {
  if (!url.startsWith(MODULE_PREFIX)) return await createLocks(url);
  const { open } = (await import(url.slice(MODULE_PREFIX.length))) as { open: () => Promise<Locks> };
  return await open();
}
