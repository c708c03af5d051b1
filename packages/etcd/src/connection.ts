import { setTimeout as delay } from 'node:timers/promises';
import { monotonicMs } from '@holdfast/core/adapter';
import type { Etcd3 } from 'etcd3';
import { isLeaseGone, isUnclear, unavailable } from './errors.ts';

/** What a single call to the server gets. */
export interface CallOptions {
  readonly deadline: number;
}

export type Call<T> = (client: Etcd3, options: CallOptions) => Promise<T>;

export interface RetryOptions {
  /** Called after each attempt of which it is not known whether it was carried out. */
  readonly onDoubt?: () => void;
  /** Asked before each further attempt: throws if there shall be none. */
  readonly check?: () => void;
  /** Give up after so many ms; default: the connection's. */
  readonly patienceMs?: number;
}

export interface ConnectionOptions {
  /** One client per server, tried in turn; or the user's own, which knows all servers itself. */
  readonly clients: readonly Etcd3[];
  readonly owned: boolean;
  /** For one call, in ms. */
  readonly timeoutMs: number;
  /** For a request with all its attempts, in ms. */
  readonly patienceMs: number;
}

const FIRST_PAUSE_MS = 20;
const LAST_PAUSE_MS = 500;

/**
 * The servers of one cluster. All calls go to the same one for as long as it answers, then to the next: with a choice at
 * random, as etcd3 has it, a third of all heartbeats would run into the one server that is frozen.
 */
export class Connection {
  readonly timeoutMs: number;
  readonly patienceMs: number;
  readonly #clients: readonly Etcd3[];
  readonly #owned: boolean;
  readonly #moved = new Set<() => void>();
  #current = 0;
  #closed = false;

  constructor({ clients, owned, timeoutMs, patienceMs }: ConnectionOptions) {
    this.#clients = clients;
    this.#owned = owned;
    this.timeoutMs = timeoutMs;
    this.patienceMs = patienceMs;
  }

  get client(): Etcd3 {
    return this.#clients[this.#current] as Etcd3;
  }

  /** Calls `listener` whenever the server in use did not answer. */
  onMoved(listener: () => void): void {
    this.#moved.add(listener);
  }

  /** One attempt; rejects with etcd3's error. */
  async once<T>(call: Call<T>, timeoutMs: number = this.timeoutMs): Promise<T> {
    const { client } = this;
    try {
      return await call(client, { deadline: Date.now() + timeoutMs });
    } catch (error) {
      if (isUnclear(error)) this.#leave(client);
      throw error;
    }
  }

  /**
   * Until it succeeds, is refused, or patience ends: then rejects with `BackendUnavailableError`. A lease that is gone is
   * the caller's concern: that error is passed on. `call` may be carried out more than once.
   */
  async retried<T>(call: Call<T>, options: RetryOptions = {}): Promise<T> {
    const { onDoubt, check, patienceMs = this.patienceMs } = options;
    const deadline = monotonicMs() + patienceMs;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LAST_PAUSE_MS)) {
      try {
        return await this.once(call);
      } catch (error) {
        if (isLeaseGone(error)) throw error;
        if (!isUnclear(error)) throw unavailable(error);
        onDoubt?.();
        check?.();
        if (this.#closed || monotonicMs() + pauseMs > deadline) throw unavailable(error);
      }
      await delay(pauseMs, undefined, { ref: false });
      check?.();
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#owned) for (const client of this.#clients) client.close();
  }

  #leave(client: Etcd3): void {
    // Many calls to one server fail at once; only the first of them moves on.
    if (client !== this.client || this.#closed) return;
    // Nowhere to go; a connection that is broken ends its streams by itself.
    if (this.#owned && this.#clients.length === 1) return;
    this.#current = (this.#current + 1) % this.#clients.length;
    for (const listener of this.#moved) listener();
  }
}
