/** Gives back what `acquire` took. */
export type Release = () => Promise<unknown>;

/** One connected user of a lock; or of the raw round trips that locks are measured against. */
export interface Client {
  /** Waits for as long as it takes, as the library does by default. Of `raw`: the first half of its round trips, the release being the other. */
  acquire(name: string): Promise<Release>;
  close(): Promise<unknown>;
}

/**
 * `raw`: no lock, only the round trips that one can't do without; what all figures are ratios to. `floor`: as much of a lock as the
 * figure's limit comes from, and nothing else.
 */
export type Role = 'raw' | 'floor' | 'holdfast' | 'peer';

/** What locks are asked for, unless a scenario says otherwise; peers that must have one get the same. In ms. */
export const DEFAULT_TTL_MS = 30_000;

export interface Contender {
  /** With its version, if it is a package of somebody else. */
  readonly name: string;
  readonly role: Role;
  /** Why it can't run here, if so. */
  readonly missing?: string;
  /** How the ids of the scenarios begin that it has a part in; `undefined`: all. */
  readonly only?: readonly string[];
  /** What it needs beside the backend, for as long as it takes part. */
  readonly prepare?: () => Promise<AsyncDisposable>;
  /** Loads its libraries here and not before, so that a process that uses one contender starts as its user's would. */
  readonly open: (url: string, ttlMs: number) => Promise<Client>;
  /** Of `raw`: how the backend itself tells another connection of a change. */
  readonly notification?: Notification;
}

/** From before `send` until the other side has heard: the time that no lock of this backend can hand over in less. */
export interface Notification {
  readonly sender: (url: string) => Promise<Sender>;
  readonly receiver: (url: string) => Promise<Receiver>;
}

export interface Sender {
  /** Makes ready for one `send`, before the other side listens. */
  arm(): Promise<unknown>;
  send(): Promise<unknown>;
  close(): Promise<unknown>;
}

export interface Receiver {
  /** Resolves when it listens, or will in a moment; `heard` with the time of that (`nowMs`). */
  listen(): Promise<{ readonly heard: Promise<number> }>;
  /** After that: gives back what it got, so that the sender can arm again. */
  rest?(): Promise<unknown>;
  close(): Promise<unknown>;
}
