import { randomBytes } from 'node:crypto';
import type { LockRequest, SharedLease } from '@holdfast/core/adapter';
import { queueOf, requestKey } from './keys.ts';
import type { Entry } from './queue.ts';

const NOBODY: readonly Entry[] = [];

export type Place = 'waiting' | 'holding' | 'gone';

/** A request's key in the queue, from before it is sent until it is known to be gone. */
export class Ticket {
  readonly request: LockRequest;
  readonly queue: string;
  readonly key: string;
  /** Whether its key is known to have been written. */
  entered = false;
  /** An attempt to enter was sent of which nobody knows what became. */
  doubtful = false;
  /** Somebody stole it, or it is gone without our doing. */
  evicted = false;
  /** Once it holds. */
  lease: SharedLease | undefined;
  /** Once it holds: those behind it, if they are known. Its release grants the lock to the first. */
  behind: readonly Entry[] = NOBODY;
  #granted: bigint | undefined;
  readonly #since = Date.now();
  readonly #listeners = new Set<() => void>();
  #place: Place = 'waiting';
  #claims = 0;

  constructor(prefix: string, request: LockRequest) {
    const { name, mode, permits, steal, owner } = request;
    this.request = request;
    this.queue = queueOf(prefix, name);
    // A request may enter again, after its session is lost, while its first key is still there.
    const id = `${owner}${randomBytes(4).toString('hex')}`;
    this.key = requestKey(this.queue, id, { mode, permits, thief: steal });
  }

  get place(): Place {
    return this.#place;
  }

  /** The same each time, so that to enter again changes nothing. */
  get entry(): string {
    return this.#value({});
  }

  /** Another one each time: a write that changes nothing has no index of its own, and that is to be the token. */
  get claim(): string {
    this.#claims += 1;
    return this.#value({ claim: this.#claims });
  }

  /**
   * The token with which another request of this process has granted it the lock. An attempt to enter that is still under way may erase
   * the mark by which a thief knows that it holds: so one that entered in doubt has to claim the lock.
   */
  get granted(): bigint | undefined {
    return this.doubtful ? undefined : this.#granted;
  }

  /** Calls `listener` on every change of its place, and its grant, until the returned function is called. */
  observe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  grant(token: bigint, behind: readonly Entry[]): void {
    if (this.#place !== 'waiting') return;
    this.#granted = token;
    this.behind = behind;
    this.#tell();
  }

  hold(lease: SharedLease): void {
    this.lease = lease;
    this.#move('holding');
  }

  evict(): void {
    this.evicted = true;
    this.lease?.lose('stolen');
    this.#move('gone');
  }

  leave(): void {
    this.#move('gone');
  }

  #move(place: Place): void {
    if (this.#place === place) return;
    this.#place = place;
    this.#tell();
  }

  #tell(): void {
    // A copy: who is told may observe again.
    for (const listener of [...this.#listeners]) listener();
  }

  /** What `query` shows. */
  #value(claim: { readonly claim?: number }): string {
    const { id, host, pid } = this.request.client;
    return Buffer.from(JSON.stringify({ client: id, host, pid, since: this.#since, ...claim })).toString('base64');
  }
}
