import type { BrokerClock } from './broker-clock.ts';
import type { Cluster } from './cluster.ts';
import type { Broker } from './driver.ts';
import { errorType } from './errors.ts';

/** The connections to whoever leads a partition: one for reading, which waits at the broker, and one for all else. */
export class Leader {
  readonly partition: number;
  readonly cluster: Cluster;
  readonly #clock: BrokerClock;
  #broker: Promise<Broker> | undefined;

  constructor(partition: number, cluster: Cluster, clock: BrokerClock) {
    this.partition = partition;
    this.cluster = cluster;
    this.#clock = clock;
  }

  get(): Promise<Broker> {
    if (this.#broker === undefined) {
      const connecting = this.#connect();
      this.#broker = connecting;
      connecting.catch(() => {
        if (this.#broker === connecting) this.#broker = undefined;
      });
    }
    return this.#broker;
  }

  /** `work` on the leader; if that fails, its connections are in doubt. */
  async ask<T>(work: (broker: Broker) => Promise<T>): Promise<T> {
    const broker = await this.get();
    try {
      return await work(broker);
    } catch (error) {
      await this.failed(broker, error);
      throw error;
    }
  }

  /** What was asked of `broker` failed. */
  async failed(broker: Broker | undefined, error: unknown): Promise<void> {
    this.cluster.doubt();
    const type = errorType(error);
    // Whoever answers is connected; it is only not, or no longer, the one to ask.
    if (type !== undefined && !type.includes('LEADER') && type !== 'UNKNOWN_TOPIC_OR_PARTITION') return;
    if (broker === undefined || this.#broker === undefined) return;
    const current = await this.#broker.then(
      (connected) => connected,
      () => undefined,
    );
    if (current !== broker) return;
    this.close(error instanceof Error ? error : undefined);
  }

  close(error?: Error): void {
    const closing = this.#broker;
    this.#broker = undefined;
    closing?.then(
      (broker) => this.cluster.close(broker, error),
      () => undefined,
    );
  }

  async #connect(): Promise<Broker> {
    try {
      // It may be another one from here on, with a clock of its own.
      this.#clock.forget();
      return await this.cluster.open(await this.cluster.leader(this.partition));
    } catch (error) {
      this.cluster.doubt();
      throw error;
    }
  }
}
