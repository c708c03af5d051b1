import type { Connections, Leased } from './connections.ts';
import type { Consumer } from './consumer.ts';
import { DisconnectedError, unavailable } from './errors.ts';

/** A request's consumer and the channel that it is on, until it leaves by one of three ways. */
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

  /** As the holder. `false`: it was gone already. Rejects when the broker does not answer; the end of the channel frees the lock then. */
  async release(): Promise<boolean> {
    if (this.#isLeft) return false;
    try {
      await this.#exit(() => this.consumer.release());
      return true;
    } catch (error) {
      if (error instanceof DisconnectedError || this.consumer.over !== undefined) return false;
      throw unavailable(error);
    }
  }

  /** As one who waits. If the broker does not answer, the end of the channel takes it out of the line. */
  async leave(): Promise<void> {
    await this.#exit(() => this.consumer.leave());
  }

  /** In whatever state: the broker gives back what is on the channel, and takes the consumer out, in one step. */
  abandon(): void {
    if (this.#isLeft) return;
    this.#isLeft = true;
    this.consumer.forget();
    void this.#leased.lane.close();
    this.#connections.giveBack(this.#leased);
  }

  async #exit(goodbye: () => Promise<void>): Promise<void> {
    try {
      await goodbye();
    } catch (error) {
      this.abandon();
      throw error;
    }
    this.#isLeft = true;
    this.consumer.forget();
    this.#connections.giveBack(this.#leased);
  }
}
