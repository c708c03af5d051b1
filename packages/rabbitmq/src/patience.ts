import { randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { monotonicMs } from '@holdfast/core/adapter';

const SHORTEST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 200;

/** How long a request goes on asking a broker that fails it. */
export class Patience {
  readonly #ms: number;
  readonly #signal: AbortSignal;
  #failingSince: number | undefined;

  constructor(ms: number, signal: AbortSignal) {
    this.#ms = ms;
    this.#signal = signal;
  }

  /** The broker served us. */
  renew(): void {
    this.#failingSince = undefined;
  }

  /** Waits a little, with jitter; `false`: it is at an end. Rejects with the reason of the abort. */
  async pause(): Promise<boolean> {
    const now = monotonicMs();
    this.#failingSince ??= now;
    if (now - this.#failingSince >= this.#ms) return false;
    const pause = delay(randomInt(SHORTEST_PAUSE_MS, LONGEST_PAUSE_MS), undefined, {
      signal: this.#signal,
      ref: false,
    });
    // It fails by the abort alone, which has its own reason.
    await pause.then(undefined, () => this.#signal.throwIfAborted());
    return true;
  }
}
