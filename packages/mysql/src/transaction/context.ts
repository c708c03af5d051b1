import type { ClientInfo, LockMode, LockRequest } from '@holdfast/core/adapter';
import type { Connections } from '../connections.ts';
import type { Desk } from '../desk.ts';
import type { Tables } from '../schema.ts';
import type { Limits, Session } from '../session.ts';
import type { KnownNames } from './known-names.ts';

/** What all requests of a backend share. */
export interface Context {
  readonly desk: Desk;
  readonly connections: Connections;
  readonly tables: Tables;
  readonly known: KnownNames;
}

export type Who = readonly [client: Buffer, host: Buffer, pid: number];

/** A request with what is sent for it: names and texts as bytes, so that neither `sql_mode` nor a collation changes them. */
export interface Claim {
  readonly request: LockRequest;
  readonly name: Buffer;
  readonly mode: LockMode;
  readonly who: Who;
  /** Of the session that holds. */
  readonly limits: Limits;
  /** Of the session that waits: if this process freezes, those behind are stalled by no more than this at its turn. */
  readonly waitLimits: Limits;
}

/** The row is locked in the open transaction of `session`, and `entry` is registered in it. */
export interface Hold {
  readonly session: Session;
  readonly entry: Buffer;
  readonly token: bigint;
  /** On the monotonic clock: the start of the statement that proved it. */
  readonly provedAt: number;
}

/** How long a waiter that was granted the lock may be silent, in s. A live one answers at once. */
const CONFIRM_S = 2;
/** The server knows nothing longer; MariaDB takes it for endless. In s. */
const FOREVER_S = 100_000_000;
/** Bounds a wait that only the creation of a row can cause. In s. */
const SHORT_S = 1;

export function claimOf(request: LockRequest): Claim {
  // The server counts whole seconds: rounded up, it never frees before the holder's own deadline.
  const idleS = Math.ceil(request.ttlMs / 1000);
  return {
    request,
    name: Buffer.from(request.name),
    mode: request.mode as LockMode,
    who: whoIs(request.client),
    limits: { idleS, lockWaitS: SHORT_S },
    waitLimits: { idleS: Math.min(idleS, CONFIRM_S), lockWaitS: FOREVER_S },
  };
}

const known = new WeakMap<ClientInfo, Who>();

/** All requests of a client have the same one. */
function whoIs(client: ClientInfo): Who {
  const { id, host, pid } = client;
  const who = known.get(client) ?? [Buffer.from(id), Buffer.from(host), pid];
  known.set(client, who);
  return who;
}
