/**
 * The adapter contract: what a backend owes, and nothing else.
 *
 * Core owns validation, timeouts, aborts, reentrancy, events and errors. An adapter owns how its backend
 * orders requests, grants them, wakes a waiter and frees a lock.
 */
import type { GrantLease } from './lease-terms.ts';

/** The Web Locks modes. */
export type LockMode = 'exclusive' | 'shared';

/** A request's mode as a backend sees it: the Web Locks modes, and one permit of a counting semaphore. */
export type RequestMode = LockMode | 'semaphore';

/** Who asks. Shown by `query`; never used to decide a grant. */
export interface ClientInfo {
  /** Random, unique per `createLocks` call (or the one given in its config). */
  readonly id: string;
  readonly host: string;
  readonly pid: number;
}

export type LockRequest = RequestType;

/** A class, to TypeScript alone: it then refuses a copy by spread, which would leave the signal out. */
declare abstract class RequestType {
  /** 1 to 1024 bytes of UTF-8 without NUL; already checked. Two different names never share a lock. */
  readonly name: string;
  /** A random UUID, unique per request. An ambiguous result (a timeout on a write) is resolved by looking for it. */
  readonly owner: string;
  readonly mode: RequestMode;
  /** How many may hold at once; present exactly when `mode` is `semaphore`. */
  readonly permits?: number;
  /** How long a grant outlives its last proof of life, in ms. */
  readonly ttlMs: number;
  /** `false`: answer `null` at once when the lock is not free, and leave no trace. */
  readonly wait: boolean;
  /** Take the lock from its holders, ahead of every waiter. Only with `exclusive`, and only if the manifest has it. */
  readonly steal: boolean;
  /** `false`: the caller renews by `lock.renew()` alone; hand it on to the `Lease`. */
  readonly renew: boolean;
  /**
   * Aborts the wait (timeout, the user's abort, `close`). After it `acquire` leaves no trace and rejects with its reason. Made for the
   * first who reads it, so an adapter that is sure of an answer soon does better not to: core gives back what comes after the abort.
   */
  get signal(): AbortSignal;
  /** That of `signal`, without making one. */
  get aborted(): boolean;
  readonly client: ClientInfo;
  /**
   * Present on one member's vote in a {@link Voting quorum}: only ever `exclusive`, a try, and with `renew: false`. A server that may have
   * forgotten a vote that it gave must refuse it with `BackendUnavailableError` until that vote's ttl is over.
   */
  readonly vote?: VoteTerms;
  /**
   * To be called when the request must wait, and has its place: in the queue, or behind others of its client. Core publishes
   * `holdfast:contended`, once. Does not throw.
   */
  readonly onContended: () => void;
}

export interface VoteTerms {
  /**
   * The token to grant with, if it is greater than any that the member would. A member may well ignore it; but those of a majority that all
   * grant the same one need not be told what they agreed on.
   */
  readonly proposal: bigint;
}

/** A hold. Adapters return their own object with whatever else they need; core hands the same object to `release`. */
export interface Grant {
  /** 63 bits, greater than every token granted before for this name. */
  readonly fencingToken: bigint;
  /** The watchdog of this grant, or of the session that it shares with others. */
  readonly lease: GrantLease;
}

export interface LockInfo {
  readonly name: string;
  readonly mode: RequestMode;
  readonly clientId: string;
  /** Absent while pending. */
  readonly fencingToken?: bigint;
  readonly permits?: number;
  readonly host?: string;
  readonly pid?: number;
  /** When it was granted (held) or asked for (pending), by the backend's clock where it has one. For people; decides nothing. */
  readonly since?: Date;
}

/** The Web Locks `LockManagerSnapshot`, in queue order. */
export interface LockSnapshot {
  readonly held: readonly LockInfo[];
  readonly pending: readonly LockInfo[];
}

/** What a backend promises. Users read it, `doctor` and the README's matrix print it, the conformance suite runs it. */
export interface Capabilities {
  readonly modes: readonly RequestMode[];
  readonly steal: boolean;
  readonly query: boolean;
  /**
   * Requests of one name are granted in the order in which the backend received them. Where a place in its queue costs a connection,
   * the requests of one client share a place and go to the end of the queue one after another: in their own order, and by turns with others. Who gives up
   * leaves that place to the next.
   */
  readonly fifo: boolean;
  /** `push`: the backend wakes a waiter. `poll`: the waiter asks. */
  readonly wakeup: 'push' | 'poll';
  /** One lease per grant, or one per session shared by all its grants. */
  readonly lease: 'grant' | 'session';
  /** When a crashed holder's lock goes on: only after its ttl, or as soon as the backend sees the disconnect. */
  readonly takeover: 'after-ttl' | 'on-disconnect';
  /** Smallest ttl accepted, and by how much a takeover may exceed the ttl; both in ms. */
  readonly ttl: { readonly minMs: number; readonly granularityMs: number };
  /** Tokens grow per name, or over all names of the backend. */
  readonly fencing: 'per-name' | 'global';
  /** Who can share a lock: the threads of a process, the processes of a host, or any client that reaches the server. */
  readonly reach: 'process' | 'host' | 'network';
  /** One line: what a restart or failover does to locks and tokens. */
  readonly durability: string;
}

export type ReleaseResult = 'released' | 'not-held';

/** What a backend has beside the contract if it can be a member of a quorum. */
export interface Voting<G extends Grant = Grant> {
  /**
   * The longest ttl for which votes may be asked, in ms: a server that was restarted or emptied gives no vote until such a time is over,
   * by its own clock. `Infinity` where a server never forgets a vote that it gave.
   */
  readonly maxTtlMs: number;
  /**
   * Makes `token` the least that the grant's name has given out, so that the next one is greater; never lowers it. `false`, and nothing
   * done, if the grant does not hold any more: checked and done in one step. Rejects with `BackendUnavailableError`.
   */
  raise(grant: G, token: bigint): Promise<boolean>;
}

/** Methods are bivariant on purpose: an adapter declares `LockBackend<MyGrant>` and gets its own grants back. */
export interface LockBackend<G extends Grant = Grant> {
  /** Short and stable: `redis`, `file`, … */
  readonly name: string;
  readonly capabilities: Capabilities;
  /**
   * Enters the queue and resolves once the request holds. `null`: not free and `request.wait` is false.
   * A grant that arrives after `request.signal` aborted is given back before the promise rejects, or handed over: core gives it back then.
   * Rejects with `BackendUnavailableError` when the backend can't be reached.
   */
  acquire(request: LockRequest): Promise<G | null>;
  /** Frees this grant and no other; safe to call twice, and after loss. Rejects only when the backend can't be reached. */
  release(grant: G): Promise<ReleaseResult>;
  /** Closes what the adapter opened, never what it was given. Core has released everything before. Safe to call twice. */
  close(): Promise<void>;
  /** Present exactly when the manifest has `query`. */
  query?(name?: string): Promise<LockSnapshot>;
  /** What makes it fit for a quorum. Optional. */
  readonly voting?: Voting<G>;
  /** What `holdfast doctor` prints: a round trip to the server. Optional. */
  diagnose?(): Promise<Diagnosis>;
}

export interface Diagnosis {
  /** The server's product and version, such as `redis 7.0.15`. */
  readonly server: string;
  readonly findings: readonly Finding[];
}

export interface Finding {
  readonly level: 'ok' | 'warning' | 'error';
  readonly message: string;
}

/** What an adapter package exports as `adapter`, so that core can make a backend from a URL or a config object. */
export interface Adapter {
  readonly name: string;
  /** URL schemes with the colon: `redis:`, `rediss:`. */
  readonly protocols: readonly string[];
  /** The manifest of a backend made with default options: what documentation is generated from, without a server. */
  readonly capabilities: Capabilities;
  /**
   * Makes a backend. Connecting may be left to the first request, but a bad URL or option throws `ConfigError` now.
   * `url` is absent when the user gave only options. Unknown URL parameters and options are refused.
   */
  create(config: AdapterConfig): LockBackend | Promise<LockBackend>;
}

export interface AdapterConfig {
  readonly url?: string;
  readonly options?: Readonly<Record<string, unknown>>;
  /** What a relative path in them is relative to: where their config file is. Default: the working directory. */
  readonly directory?: string;
}
