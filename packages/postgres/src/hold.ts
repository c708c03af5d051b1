import type { ClientInfo, Grant, LockRequest, RequestMode, SharedLease } from '@holdfast/core/adapter';
import type { Keys } from './keys.ts';
import type { LockSession } from './session.ts';

/** What a session has of a name. */
export interface Hold {
  readonly keys: Keys;
  readonly mode: RequestMode;
  readonly token: bigint;
  readonly session: LockSession;
  /** Which permit. */
  readonly slot?: number;
}

export interface PostgresGrant extends Grant {
  readonly lease: SharedLease;
  readonly hold: Hold;
  readonly entry: Entry;
  /** To be called once, when it is over. */
  readonly done: () => void;
}

/** A grant's or a waiter's line in the registry; see registry.ts. */
export interface Entry {
  readonly owner: string;
  readonly name: string;
  readonly mode: RequestMode;
  readonly permits: number | undefined;
  readonly client: ClientInfo;
  /** Monotonic, in ms. */
  since: number;
  state: EntryState;
  /** The last write of it, once there was one. */
  written: Promise<unknown> | undefined;
}

export type EntryState =
  /** `session`: by whose life it counts, once there is one; `asker`: who is in the server's queue for it, if anybody. */
  | { readonly type: 'pending'; session: LockSession | undefined; readonly keys: Keys; asker: number | undefined }
  | { readonly type: 'held'; readonly hold: Hold }
  | { readonly type: 'gone' };

/** The advisory lock by which a hold shows in `pg_locks`. */
export function keyOf({ keys, slot }: Hold): string {
  return slot === undefined ? keys.lock : String(BigInt(keys.permits) + 1n + BigInt(slot));
}

export function entryOf({ owner, name, mode, permits, client }: LockRequest, since: number, state: EntryState): Entry {
  return { owner, name, mode, permits, client, since, state, written: undefined };
}
