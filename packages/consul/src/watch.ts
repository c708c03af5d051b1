import { randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { monotonicMs } from '@holdfast/core/adapter';
import type { Consul, Reading } from './consul.ts';

export interface Watched {
  readonly key: string;
  readonly isPrefix: boolean;
  /** The index that wrote the key, as it was seen; 0: report first what is there now. */
  readonly from: number;
}

/** Long, because it is a request per waiter; short, because an answer may be lost without a sign. In ms. */
const WAIT_MS = 10_000;
const SHORTEST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1000;

/** Blocking queries for one key or prefix, one after the other, for as long as somebody listens. */
export class Watch {
  readonly watched: Watched;
  readonly #consul: Consul;
  readonly #listeners = new Set<(reading: Reading) => void>();
  readonly #stop = new AbortController();
  #query = new AbortController();
  #running = false;

  constructor(consul: Consul, watched: Watched) {
    this.#consul = consul;
    this.watched = watched;
  }

  get isIdle(): boolean {
    return this.#listeners.size === 0;
  }

  add(listener: (reading: Reading) => void): void {
    this.#listeners.add(listener);
  }

  remove(listener: (reading: Reading) => void): void {
    this.#listeners.delete(listener);
  }

  tell(reading: Reading): void {
    for (const listener of [...this.#listeners]) listener(reading);
  }

  stop(): void {
    this.#stop.abort();
    this.#query.abort();
  }

  /** Asks anew, and maybe another agent: the present one may be frozen, or wait for a leader that is. */
  restart(): void {
    this.#query.abort();
  }

  /** Ends when it is stopped; to be called once. */
  async run(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    const { signal } = this.#stop;
    let index = this.watched.from;
    for (let failures = 0; !signal.aborted;) {
      const askedAt = monotonicMs();
      const query = (this.#query = new AbortController());
      try {
        const reading = await this.#consul.poll(this.watched.key, this.watched.isPrefix, {
          index,
          waitMs: WAIT_MS,
          signal: query.signal,
        });
        if (signal.aborted) return;
        // Something between us and the server that does not block must not make us ask without end.
        const isIdle = reading.index === index && monotonicMs() - askedAt < SHORTEST_PAUSE_MS;
        failures = isIdle ? failures + 1 : 0;
        // An index that goes back means that the server's state was restored: begin anew (Consul's rules for blocking queries).
        index = reading.index < index ? 0 : Math.max(reading.index, 1);
        this.tell(reading);
      } catch {
        // Whoever listens has a heartbeat which tells when to give up.
        failures = query.signal.aborted ? 0 : failures + 1;
      }
      if (failures > 0) await pause(failures, signal);
    }
  }
}

async function pause(failures: number, signal: AbortSignal): Promise<void> {
  const bound = Math.min(SHORTEST_PAUSE_MS * 2 ** Math.min(failures, 10), LONGEST_PAUSE_MS);
  await delay(randomInt(Math.ceil(bound / 2), bound + 1), undefined, { ref: false, signal }).then(
    undefined,
    () => undefined,
  );
}
