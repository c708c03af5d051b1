import type { BrokerClock } from './broker-clock.ts';
import type { Broker } from './driver.ts';
import type { Leader } from './leader.ts';
import { encode } from './record.ts';
import type { LockRecord } from './record.ts';
import { unfitSettings } from './topic.ts';

interface Identity {
  readonly id: string;
  readonly epoch: number;
}

const ALL_REPLICAS = -1;
/** The protocol's sequence numbers are of 31 bits, and begin again. */
const SEQUENCES = 2 ** 31;

/** An idempotent producer for one partition: the broker takes each sequence number once, and in order. */
export class Producer {
  readonly #leader: Leader;
  readonly #clock: BrokerClock;
  #identity: Identity | undefined;
  /** Of the next record. */
  #sequence = 0;

  constructor(leader: Leader, clock: BrokerClock) {
    this.#leader = leader;
    this.#clock = clock;
  }

  /**
   * Offset of the first record, once all replicas in sync have them. The same records again until that, or {@link forget} in between.
   * `startedAt`: when they were first sent.
   */
  async send(broker: Broker, records: readonly LockRecord[], startedAt: number, isFirst: boolean): Promise<number> {
    const { cluster, partition } = this.#leader;
    const { topic, timeoutMs } = cluster.options;
    const { id, epoch } = (this.#identity ??= await this.#register(broker));
    const messages = records.map((record) => ({ key: null, value: encode(record) }));
    const sending = broker.produce({
      acks: ALL_REPLICAS,
      timeout: timeoutMs,
      producerId: id,
      producerEpoch: epoch,
      topicData: [{ topic, partitions: [{ partition, firstSequence: this.#sequence, messages }] }],
    });
    const { topics } = await cluster.ask(broker, 'an append', sending);
    const produced = topics[0]?.partitions[0];
    const appendedAt = Number(produced?.logAppendTime ?? -1);
    // The one attempt that is surely an append itself and no repetition tells whose times the topic has.
    if (appendedAt < 0 && isFirst) throw unfitSettings(topic, ['message.timestamp.type']);
    if (appendedAt >= 0) this.#clock.read(startedAt, appendedAt);
    return Number(produced?.baseOffset ?? -1);
  }

  appended(count: number): void {
    this.#sequence = (this.#sequence + count) % SEQUENCES;
  }

  /** Which numbers the broker has seen is not known any more: begins anew, as another producer. */
  forget(): void {
    this.#identity = undefined;
    this.#sequence = 0;
  }

  async #register(broker: Broker): Promise<Identity> {
    const registering = broker.initProducerId({ transactionTimeout: 60_000 });
    const { producerId: id, producerEpoch: epoch } = await this.#leader.cluster.ask(
      broker,
      'a producer id',
      registering,
    );
    return { id, epoch };
  }
}
