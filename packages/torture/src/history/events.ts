/**
 * What is written down while a torture runs, one JSON object per line. Whoever writes an event writes it at once, so that it
 * outlives a SIGKILL; every time is {@link nowMicros}.
 */
import type { RequestMode } from '@holdfast/core';

interface OfClient {
  readonly t: number;
  readonly client: number;
  /** Counts the processes that have been this client: each that is killed is followed by another. */
  readonly life: number;
}

interface OfAttempt extends OfClient {
  /** Unique: `client.life.number`. */
  readonly op: string;
}

export interface Invoked extends OfAttempt {
  readonly type: 'invoke';
  readonly name: string;
  readonly mode: RequestMode;
  readonly permits?: number;
  readonly wait: boolean;
  readonly steal: boolean;
  readonly ttlMs: number;
}

export type ClientEvent =
  | (OfClient & { readonly type: 'start'; readonly pid: number })
  | Invoked
  /** The backend said that the request waits in its queue. */
  | (OfAttempt & { readonly type: 'queued' })
  /** `acquire` resolved. `until`: the hold's own deadline as the client reads it at `t`. */
  | (OfAttempt & { readonly type: 'granted'; readonly token: string; readonly until: number })
  /** A renewal moved the deadline. */
  | (OfAttempt & { readonly type: 'proof'; readonly until: number })
  /** The client is about to give the lock back. */
  | (OfAttempt & { readonly type: 'ending' })
  /** The signal aborted. */
  | (OfAttempt & { readonly type: 'lost'; readonly reason: string })
  | (OfAttempt & { readonly type: 'released'; readonly code?: string })
  /** The client aborts its wait. */
  | (OfAttempt & { readonly type: 'quit' })
  /** `tryAcquire` answered `null`. */
  | (OfAttempt & { readonly type: 'refused' })
  | (OfAttempt & { readonly type: 'failed'; readonly code: string; readonly message: string })
  /** The client read or wrote a register; `index` is the place in the register's own log. */
  | (OfAttempt & {
      readonly type: 'touched';
      readonly register: RegisterKind;
      readonly action: 'read' | 'write';
      readonly accepted: boolean;
      readonly index: number;
    })
  /** The client is done, and its locks are closed. */
  | (OfClient & { readonly type: 'end' });

export type AttemptEvent = Extract<ClientEvent, { readonly op: string }>;

export const faultKinds = [
  'client-kill',
  'client-freeze',
  'client-clock',
  'server-kill',
  'server-freeze',
  'server-clock',
  'slow-disk',
  'member-kill',
  'member-freeze',
  'failover',
  'partition',
  'isolation',
  'loss',
  'cut',
  'blackhole',
  'delay',
] as const;

export type FaultKind = (typeof faultKinds)[number];

export type RunEvent =
  | {
      readonly t: number;
      readonly type: 'fault';
      readonly id: number;
      readonly kind: FaultKind;
      readonly phase: 'begin' | 'end';
      /** Absent: the server, a member of the cluster, or every client. */
      readonly client?: number;
      /** Of the cluster; the leader at the beginning of the fault. */
      readonly member?: number | 'leader';
    }
  /** Just before SIGKILL. */
  | (OfClient & { readonly type: 'killed' })
  /** It ended, and nobody had asked for that. */
  | (OfClient & { readonly type: 'died'; readonly status: string })
  /** The last fault is over. */
  | { readonly t: number; readonly type: 'calm' }
  /** Clients begin nothing new. */
  | { readonly t: number; readonly type: 'stop' };

export type HistoryEvent = ClientEvent | RunEvent;

export type RegisterKind = 'fenced' | 'unfenced';

/** The register's own log, in the order in which it served. The truth about writes, also those of clients that were killed. */
export interface RegisterEntry {
  readonly name: string;
  readonly register: RegisterKind;
  readonly action: 'read' | 'write';
  readonly token: string;
  readonly op: string;
  /** For a write: the value that was read before, and the one written. For a read: both are what it saw. */
  readonly base: number;
  readonly value: number;
  readonly accepted: boolean;
}
