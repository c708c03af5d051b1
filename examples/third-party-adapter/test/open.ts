/** How the suite's second processes come by their client. */
import { createLocks } from '@holdfast/core';
import type { Locks } from '@holdfast/core';
import { valkey } from '../src/index.ts';

export function open(url: unknown): Promise<Locks> {
  return createLocks(valkey(url as string));
}
