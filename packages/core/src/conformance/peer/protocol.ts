import type { Locks } from '../../client/locks.ts';
import type { LockSnapshot } from '../../contract.ts';
import type { AcquireOptions } from '../../client/options.ts';

/** The options of a request that can be sent to another process. */
export type SentOptions = Omit<AcquireOptions, 'signal'>;

/** A lock that a peer holds, as it was at the moment it was handed over. */
export interface Handed {
  /** The peer's number for it. */
  readonly lock: number;
  readonly fencingToken: bigint;
  readonly remainingMs: number;
  readonly held: boolean;
  /** {@link hostMs} in the peer when `acquire` resolved. */
  readonly at: number;
}

/** What a peer's lock says of itself, read in one turn of its event loop. */
export interface Seen {
  readonly held: boolean;
  readonly aborted: boolean;
  readonly remainingMs: number;
}

export interface Loss {
  /** {@link hostMs} in the peer when the signal aborted. */
  readonly at: number;
  readonly code: unknown;
  readonly reason: unknown;
}

/** All that a peer can be asked to do: argument and result. */
export interface Operations {
  open: { argument: { module: string; data: unknown; main: string | undefined }; result: void };
  ping: { argument: undefined; result: void };
  acquire: { argument: { name: string; options: SentOptions; wait: boolean }; result: Handed | null };
  release: { argument: number; result: void };
  renew: { argument: number; result: void };
  look: { argument: number; result: Seen };
  /** Resolves when the lock's signal aborts. */
  loss: { argument: number; result: Loss };
  /** Blocks the event loop for so many ms, then looks at the lock before any timer can run. */
  block: { argument: { lock: number; ms: number }; result: Seen };
  /** Adds 1 to the number in `file` under the lock, `rounds` times, by reading, waiting and writing; tokens go to `log`. */
  count: {
    argument: { name: string; options: SentOptions; rounds: number; file: string; log: string };
    result: void;
  };
  query: { argument: string; result: LockSnapshot };
  close: { argument: undefined; result: void };
  /** Lets go of the channel: from now on only the locks can keep the peer alive. */
  leave: { argument: undefined; result: void };
}

export type Operation = keyof Operations;

export interface Call<O extends Operation = Operation> {
  readonly id: number;
  readonly operation: O;
  readonly argument: Operations[O]['argument'];
}

/** Structured clones of errors lose their class and code. */
export interface SentError {
  readonly name: string;
  readonly message: string;
  readonly code: unknown;
  readonly reason: unknown;
}

export type Reply =
  | { readonly id: number; readonly type: 'contended' }
  | { readonly id: number; readonly type: 'result'; readonly value: unknown }
  | { readonly id: number; readonly type: 'error'; readonly error: SentError };

/** What a peer's module exports. */
export interface PeerModule {
  open(data: unknown): Promise<Locks>;
}

/** Milliseconds of the host's monotonic clock, which all its processes and threads share. */
export function hostMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
