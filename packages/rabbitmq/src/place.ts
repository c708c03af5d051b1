import type { Connections, Leased } from './connections.ts';
import type { Consumer } from './consumer.ts';
import { unavailable } from './errors.ts';
import { within } from './within.ts';

/**
 * A request's consumer and the channel that it is on. It leaves with the channel, from whatever state: the broker puts back what is
 * unacknowledged, takes the consumer out, and serves the next one, all by one entry of the queue's log (docs/decisions/040).
 */
export class Place {
  readonly consumer: Consumer;
  readonly #connections: Connections;
  readonly #leased: Leased;
  #isLeft = false;

  constructor(connections: Connections, leased: Leased, consumer: Consumer) {
    this.#connections = connections;
    this.#leased = leased;
    this.consumer = consumer;
  }

  /** As the holder. `false`: it was gone already. Rejects when the broker does not answer; the end of the connection frees the lock then. */
  async release(queue: string, patienceMs: number): Promise<boolean> {
    if (this.#isLeft || this.consumer.over !== undefined) return false;
    try {
      await this.leave(patienceMs);
    } catch (error) {
      throw unavailable(error);
    }
    // The channel's end is told to the leader behind the answer to us. Who asks next must come after it; if the look fails, the hold is over all the same.
    await this.#leased.connection.look(queue).then(undefined, () => undefined);
    return true;
  }

  /** Resolves when the broker has been told. If it does not answer, the end of the connection takes the request out of the line. */
  async leave(patienceMs: number): Promise<void> {
    this.abandon();
    await within(this.#leased.lane.closed, patienceMs);
  }

  abandon(): void {
    if (this.#isLeft) return;
    this.#isLeft = true;
    this.consumer.forget();
    void this.#leased.lane.close();
    this.#connections.giveBack(this.#leased);
  }
}
