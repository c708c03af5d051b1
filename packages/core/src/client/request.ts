import { randomUUID } from 'node:crypto';
import type { ClientInfo, LockRequest, RequestMode } from '../contract.ts';
import type { Acquisition } from './options.ts';
import type { Wait } from './wait.ts';

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

  constructor(name: string, acquisition: Acquisition, client: ClientInfo, waiting: Wait, contended: () => void) {
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
      if (!isKnown) contended();
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

/** `randomUUID` makes a tree of twenty small strings. Reading from it makes it one, which is a third in size where many are kept. */
function randomOwner(): string {
  const owner = randomUUID();
  owner.charCodeAt(0);
  return owner;
}
