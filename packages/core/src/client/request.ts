import type { ClientInfo, LockRequest, RequestMode } from '../contract.ts';
import type { Acquisition } from './options.ts';
import { randomOwner } from './random-owner.ts';
import type { Wait } from './wait.ts';

/** Who wants to hear that a request must wait. */
export interface Contention {
  contended(name: string, acquisition: Acquisition): void;
}

/** What a backend is asked. */
export class Request implements LockRequest {
  readonly name: string;
  readonly owner: string = randomOwner();
  readonly mode: RequestMode;
  declare readonly permits?: number;
  readonly ttlMs: number;
  readonly wait: boolean;
  readonly steal: boolean;
  readonly renew: boolean;
  readonly client: ClientInfo;
  readonly onContended: () => void;
  readonly #waiting: Wait;

  constructor(name: string, acquisition: Acquisition, client: ClientInfo, waiting: Wait, contention: Contention) {
    this.name = name;
    this.mode = acquisition.mode;
    if (acquisition.permits !== undefined) this.permits = acquisition.permits;
    this.ttlMs = acquisition.ttlMs;
    this.wait = acquisition.wait;
    this.steal = acquisition.steal;
    this.renew = acquisition.renew;
    this.client = client;
    this.#waiting = waiting;
    let isKnown = false;
    this.onContended = () => {
      if (!isKnown) contention.contended(name, acquisition);
      isKnown = true;
    };
  }

  get signal(): AbortSignal {
    return this.#waiting.signal;
  }

  get aborted(): boolean {
    return this.#waiting.aborted;
  }
}
