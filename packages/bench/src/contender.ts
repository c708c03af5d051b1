/** Gives back what `acquire` took. */
export type Release = () => Promise<unknown>;

/** One connected user of a lock; or of the raw round trips that locks are measured against. */
export interface Client {
  /** Waits for as long as it takes, as the library does by default. Of `raw`: the first half of its round trips, the release being the other. */
  acquire(name: string): Promise<Release>;
  close(): Promise<unknown>;
}

/** `raw`: no lock, only the round trips that one can't do without; what all figures are ratios to. */
export type Role = 'raw' | 'holdfast' | 'peer';

export interface Contender {
  /** With its version, if it is a package of somebody else. */
  readonly name: string;
  readonly role: Role;
  /** Why it can't run here, if so. */
  readonly missing?: string;
  readonly open: (url: string) => Promise<Client>;
  /**
   * Of `raw`: how long the backend itself takes to tell another connection of a change, in ms, from before the change is sent until
   * the other hears of it.
   */
  readonly notification?: (url: string) => Promise<Notification>;
}

export interface Notification {
  once(): Promise<number>;
  close(): Promise<unknown>;
}
