import { setTimeout as delay } from 'node:timers/promises';
import { HoldfastError, monotonicMs } from '@holdfast/core/adapter';
import type { Etcd3 } from 'etcd3';
import { isLeaseGone, isUnclear, unavailable } from './errors.ts';

/** What a single call to the server gets. */
export interface CallOptions {
  readonly deadline: number;
}

export type Call<T> = (client: Etcd3, options: CallOptions) => Promise<T>;

export interface AskOptions {
  /** Called as soon as an attempt has no clear answer in time: nobody knows what becomes of it. */
  readonly onDoubt?: () => void;
  /** Asked before each further attempt: throws if there shall be none. */
  readonly check?: () => void;
  /** Ask again if there is no answer after so many ms; default: the connection's timeout. */
  readonly afterMs?: number;
  /** Give up after so many ms; default: the connection's patience. */
  readonly patienceMs?: number;
}

export interface ConnectionOptions {
  /** One client per server, tried in turn; or the user's own, which knows all servers itself. */
  readonly clients: readonly Etcd3[];
  readonly owned: boolean;
  /** After which the next server is asked as well, in ms. */
  readonly timeoutMs: number;
  /** For a request with all its attempts, in ms. */
  readonly patienceMs: number;
}

const FIRST_PAUSE_MS = 20;
const LAST_PAUSE_MS = 500;
/** A call ends this many timeouts after its start. etcd3 drops the connection then, which would be too early on a slow network. */
const LONGEST = 3;

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
  async once<T>(call: Call<T>): Promise<T> {
    const { client } = this;
    try {
      return await call(client, { deadline: Date.now() + LONGEST * this.timeoutMs });
    } catch (error) {
      if (isUnclear(error)) this.#leave(client);
      throw error;
    }
  }

  /**
   * Until there is an answer, a refusal, or patience ends: then rejects with `BackendUnavailableError`. A lease that is gone is
   * the caller's concern: that error is passed on. `call` may be carried out more than once, and its last time long after
   * the answer.
   */
  async ask<T>(call: Call<T>, options: AskOptions = {}): Promise<T> {
    const { onDoubt, check, patienceMs = this.patienceMs } = options;
    const deadline = monotonicMs() + patienceMs;
    const again = (error: unknown): void => {
      // First of all: whatever ends the attempts, those that were made are in doubt.
      onDoubt?.();
      if (this.#closed || monotonicMs() > deadline) throw unavailable(error);
      check?.();
    };
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LAST_PAUSE_MS)) {
      try {
        return await this.#hedged(call, options.afterMs ?? this.timeoutMs, again);
      } catch (error) {
        if (error instanceof HoldfastError || isLeaseGone(error)) throw error;
        if (!isUnclear(error)) throw unavailable(error);
        again(error);
        await delay(pauseMs, undefined, { ref: false });
        again(error);
      }
    }
  }

  /** Asks the next server as well whenever none has answered for `afterMs`. The first answer counts. */
  #hedged<T>(call: Call<T>, afterMs: number, again: (error: unknown) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined;
      let open = 0;
      const settle = (outcome: () => void): void => {
        clearTimeout(timer);
        outcome();
      };
      const next = (client: Etcd3): void => {
        this.#leave(client);
        try {
          again(new Error(`no answer within ${afterMs} ms`));
          attempt();
        } catch (error) {
          settle(() => reject(error));
        }
      };
      const attempt = (): void => {
        const { client } = this;
        open += 1;
        timer = setTimeout(() => next(client), afterMs).unref();
        this.once(call).then(
          (answer) => settle(() => resolve(answer)),
          (error: unknown) => {
            open -= 1;
            if (open === 0 || !isUnclear(error)) settle(() => reject(error));
          },
        );
      };
      attempt();
    });
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
