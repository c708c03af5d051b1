import type { LockBackend } from '../contract.ts';
import { QuorumBackend } from './backend.ts';
import { openMembers } from './members.ts';
import type { QuorumMember } from './members.ts';

/**
 * A backend out of independent ones: a lock is held when a majority (⌊n/2⌋ + 1) grants it, and outlasts the loss of the others. For
 * `createLocks`, which takes the promise as it is: `await createLocks(quorum(['redis://a', 'redis://b', 'redis://c']))`. The members
 * belong to it: it closes them.
 *
 * At least three members. Of an even number no more may fail than of one less. The limits of such a lock are in its manifest: exclusive
 * only, and who waits asks again and again.
 *
 * Rejects with `ConfigError` for fewer than three members, for a bad one, and for two that are the same server, and with
 * `UnsupportedError` for a backend that can't vote (one without `voting`).
 */
export async function quorum(members: readonly QuorumMember[]): Promise<LockBackend> {
  return new QuorumBackend(await openMembers(members));
}
