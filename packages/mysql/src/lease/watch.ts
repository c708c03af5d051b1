import type { GrantLease } from '@holdfast/core/adapter';
import type { Queues } from './queues.ts';

interface Watched {
  readonly name: string;
  readonly owner: string;
  readonly lease: GrantLease;
}

/** How soon a holder learns of a theft, in ms. */
const LOOK_MS = 750;

/** Nobody tells a holder that its lock was stolen: while there are any, one look at the queues now and then. */
export class Watch<W extends Watched> {
  readonly #queues: Queues;
  readonly #verify: (watched: W) => Promise<void>;
  readonly #all = new Set<W>();
  #timer: NodeJS.Timeout | undefined;

  /** `verify` asks the server for one that seems to be gone, and lets its lease know. */
  constructor(queues: Queues, verify: (watched: W) => Promise<void>) {
    this.#queues = queues;
    this.#verify = verify;
  }

  add(watched: W): void {
    this.#all.add(watched);
    this.#schedule();
  }

  close(): void {
    this.#all.clear();
    clearTimeout(this.#timer);
  }

  #schedule(): void {
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      // What could not be looked at is looked at again; the renewals watch over the deadline.
      this.#look()
        .catch(() => undefined)
        .finally(() => this.#all.size > 0 && this.#schedule());
    }, LOOK_MS);
    this.#timer.unref();
  }

  async #look(): Promise<void> {
    for (const watched of this.#all) {
      const { state } = watched.lease;
      if (state === 'lost' || state === 'ended') this.#all.delete(watched);
    }
    if (this.#all.size === 0) return;
    const names = [...new Set([...this.#all].map(({ name }) => name))];
    const owners = await this.#queues.owners(names);
    const gone = [...this.#all].filter(({ owner }) => !owners.has(owner));
    await Promise.allSettled(gone.map((watched) => this.#verify(watched)));
  }
}
