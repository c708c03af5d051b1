import { setTimeout as delay } from 'node:timers/promises';
import { LocksClosedError, monotonicMs } from '@holdfast/core/adapter';
import { within } from './deadline.ts';
import { destroy, unref } from './driver.ts';
import type { Address, Broker, MakeBroker, Metadata } from './driver.ts';
import { ClosedError, errorType, isUnclear, SilenceError, unfit } from './errors.ts';
import { checkPartitions, createTopic, readSettings } from './topic.ts';
import type { TopicOptions, TopicSettings } from './topic.ts';

export interface ClusterOptions extends TopicOptions {
  readonly makeBroker: MakeBroker;
  /** Of the bootstrap servers; `undefined` if only the user's client knows them. */
  readonly hosts: readonly Address[] | undefined;
  /** All connections go to the bootstrap server, whatever brokers advertise. */
  readonly viaBootstrap: boolean;
  /** How long a broker may take to connect or to answer, in ms. */
  readonly timeoutMs: number;
  /** How long to look for one that answers, in ms. */
  readonly patienceMs: number;
}

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1000;
/** A topic that was just created is not known everywhere at once. */
const CREATION_ATTEMPTS = 20;

/** The brokers, who leads which partition, and whether the topic is fit for locks. */
export class Cluster {
  readonly options: ClusterOptions;
  #metadata: Metadata | undefined;
  #refreshing: Promise<Metadata> | undefined;
  #settings: Promise<TopicSettings> | undefined;
  /** Connected by the last look at the metadata; for whoever wants that address next. */
  #spare: Broker | undefined;
  #connecting: Promise<Broker> | undefined;
  readonly #open = new Set<Broker>();
  #next = 0;
  #closed = false;

  constructor(options: ClusterOptions) {
    this.options = options;
  }

  /** Connects, creates the topic if it is missing and checks it. Tries for `patience`. */
  async ready(): Promise<TopicSettings> {
    const work = (this.#settings ??= this.patiently(async () => {
      const broker = await this.#bootstrap();
      this.#metadata = await this.#describe(broker);
      return await readSettings(broker, this.options.topic);
    }));
    try {
      return await work;
    } catch (error) {
      // The next request tries again.
      if (this.#settings === work) this.#settings = undefined;
      throw error;
    }
  }

  /** For people. */
  async describe(): Promise<{ brokers: number; replicas: number; insync: number; versions: Broker['versions'] }> {
    return await this.patiently(async () => {
      const broker = await this.#bootstrap();
      const { brokers, topicMetadata } = await this.#look(broker);
      const partitions = topicMetadata.flatMap(({ partitionMetadata }) => partitionMetadata);
      const least = (counts: readonly number[]): number => Math.min(...counts);
      return {
        brokers: brokers.length,
        replicas: least(partitions.map(({ replicas }) => replicas.length)),
        insync: least(partitions.map(({ isr }) => isr.length)),
        versions: broker.versions,
      };
    });
  }

  /** `work`, again and again while it fails for want of an answer, until `patience` is over. */
  async patiently<T>(work: () => Promise<T>): Promise<T> {
    const until = monotonicMs() + this.options.patienceMs;
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
      if (this.#closed) throw new LocksClosedError();
      try {
        return await work();
      } catch (error) {
        if (!isUnclear(error) || monotonicMs() + pause > until) throw error;
      }
      await delay(pause, undefined, { ref: false });
    }
  }

  /** The address of the leader of a partition; brokers are asked if it is not known, or has been in doubt since. */
  async leader(partition: number): Promise<Address> {
    this.#metadata ??= await this.#refresh();
    const { brokers, topicMetadata } = this.#metadata;
    const topic = topicMetadata.find((candidate) => candidate.topic === this.options.topic);
    const leader = topic?.partitionMetadata.find(({ partitionId }) => partitionId === partition)?.leader;
    const broker = brokers.find(({ nodeId }) => nodeId === leader);
    if (broker !== undefined) return this.options.viaBootstrap ? this.#only(brokers) : broker;
    this.doubt();
    throw new SilenceError(`who leads partition ${partition}`, this.options.timeoutMs);
  }

  /** Leadership may have moved. */
  doubt(): void {
    this.#metadata = undefined;
  }

  /** A broker of its own for the caller, connected. */
  async open(address: Address): Promise<Broker> {
    const spare = this.#spare;
    if (spare !== undefined && sameAddress(spare.connectionPool, address)) {
      this.#spare = undefined;
      return spare;
    }
    return await this.#connect(await this.options.makeBroker(address));
  }

  close(broker: Broker, error: Error = new ClosedError('The connection was closed')): void {
    if (this.#spare === broker) this.#spare = undefined;
    this.#open.delete(broker);
    destroy(broker, error);
  }

  /** One answer of a broker, in time. */
  async ask<T>(broker: Broker, what: string, work: Promise<T>, ms: number = this.options.timeoutMs): Promise<T> {
    const answer = await within(ms, work, () => new SilenceError(what, ms));
    // Reading opens a second connection when it is first needed.
    unref(broker);
    return answer;
  }

  closeAll(): void {
    this.#closed = true;
    for (const broker of this.#open) this.close(broker);
  }

  /** A connected broker, to ask about the cluster. */
  #bootstrap(): Promise<Broker> {
    if (this.#spare !== undefined) return Promise.resolve(this.#spare);
    return (this.#connecting ??= this.#connectToAny().finally(() => {
      this.#connecting = undefined;
    }));
  }

  async #connectToAny(): Promise<Broker> {
    const { hosts, makeBroker } = this.options;
    const host = hosts?.[this.#next++ % hosts.length];
    return (this.#spare = await this.#connect(await makeBroker(host)));
  }

  async #connect(broker: Broker): Promise<Broker> {
    this.#open.add(broker);
    try {
      if (this.#closed) throw new LocksClosedError();
      await this.ask(broker, 'a connection', broker.connect());
      if (this.#closed) throw new LocksClosedError();
      return broker;
    } catch (error) {
      this.close(broker, error instanceof Error ? error : undefined);
      throw error;
    }
  }

  #refresh(): Promise<Metadata> {
    return (this.#refreshing ??= this.#lookAgain().finally(() => {
      this.#refreshing = undefined;
    }));
  }

  async #lookAgain(): Promise<Metadata> {
    try {
      return await this.#look(await this.#bootstrap());
    } catch (error) {
      // Deleted under us, and all locks with it: the next request makes it anew.
      if (errorType(error) === 'UNKNOWN_TOPIC_OR_PARTITION') this.#settings = undefined;
      throw error;
    }
  }

  async #look(broker: Broker): Promise<Metadata> {
    try {
      return await this.ask(broker, 'a question for metadata', broker.metadata([this.options.topic]));
    } catch (error) {
      // An answer, if only that the topic is missing, leaves the connection good.
      if (errorType(error) === undefined) this.close(broker);
      throw error;
    }
  }

  async #describe(broker: Broker): Promise<Metadata> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        const metadata = await this.#look(broker);
        checkPartitions(metadata, this.options);
        if (this.options.viaBootstrap) this.#only(metadata.brokers);
        return metadata;
      } catch (error) {
        const type = errorType(error);
        const missing = type === 'UNKNOWN_TOPIC_OR_PARTITION';
        if (!(missing || type === 'LEADER_NOT_AVAILABLE') || attempt === CREATION_ATTEMPTS) throw error;
        if (missing && attempt === 1) await this.#create(broker);
        else await delay(FIRST_PAUSE_MS, undefined, { ref: false });
      }
    }
  }

  async #create(broker: Broker): Promise<void> {
    const { brokers, controllerId } = await this.ask(broker, 'a question for metadata', broker.metadata([]));
    const controller = this.options.viaBootstrap ? undefined : brokers.find(({ nodeId }) => nodeId === controllerId);
    if (controller === undefined || sameAddress(broker.connectionPool, controller)) {
      return await this.ask(
        broker,
        'the creation of a topic',
        createTopic(broker, this.options, brokers.length),
        10_000,
      );
    }
    const other = await this.open(controller);
    try {
      await this.ask(other, 'the creation of a topic', createTopic(other, this.options, brokers.length), 10_000);
    } finally {
      this.close(other);
    }
  }

  #only(brokers: Metadata['brokers']): Address {
    const host = this.options.hosts?.[0];
    if (brokers.length === 1 && host !== undefined) return host;
    throw unfit(`\`viaBootstrap\` is for a single broker, and there are ${brokers.length}.`);
  }
}

function sameAddress(a: Address, b: Address): boolean {
  return a.host === b.host && a.port === b.port;
}
