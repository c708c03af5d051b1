import type { Locks } from '../../client/locks.ts';
import { createLocks } from '../../config/create-locks.ts';
import type { LocksConfig } from '../../config/create-locks.ts';

/** The default module of a peer: `data` is a URL or a config. */
export function open(data: unknown): Promise<Locks> {
  return createLocks(data as string | LocksConfig);
}
