/**
 * All that is used of kafkajs beside its public API. It has no way to read one partition without a consumer group, and joining one
 * takes seconds (docs/decisions/046-kafka-reading-without-a-group.md); but the clusters that its clients make build connections and
 * brokers, whose methods are the protocol's requests. kafkajs 2.2.4 is from 2023, and there has been no release since.
 */
import type { Kafka } from 'kafkajs';
import { ConfigError } from '@holdfast/core/adapter';

interface RequestQueue {
  readonly pending: readonly unknown[];
  readonly requestTimeoutIntervalId?: NodeJS.Timeout;
  readonly throttleCheckTimeoutId?: NodeJS.Timeout | null;
  scheduleCheckPendingRequests(): void;
}

/** One TCP connection. */
interface Connection {
  readonly socket?: { unref(): unknown; destroy(error: Error): unknown };
  readonly requestQueue: RequestQueue;
  rejectRequests(error: Error): void;
  disconnect(): Promise<unknown>;
}

export interface Message {
  readonly offset: string;
  /** ms */
  readonly timestamp: string;
  readonly value: Buffer | null;
  readonly isControlRecord: boolean;
  readonly batchContext?: {
    /** 1: the broker's time of the append. */
    readonly timestampType: number;
    /** Of the leader that appended it. */
    readonly partitionLeaderEpoch: number;
  };
}

export interface TopicMetadata {
  readonly topic: string;
  readonly partitionMetadata: readonly {
    readonly partitionId: number;
    readonly leader: number;
    readonly replicas: readonly number[];
    readonly isr: readonly number[];
  }[];
}

export interface Metadata {
  readonly brokers: readonly { readonly nodeId: number; readonly host: string; readonly port: number }[];
  readonly controllerId: number;
  readonly topicMetadata: readonly TopicMetadata[];
}

interface ProducedPartition {
  readonly baseOffset: string;
  /** ms; -1 if the topic's times are the producers'. */
  readonly logAppendTime: string;
}

export interface ConfigEntry {
  readonly configName: string;
  readonly configValue: string | null;
}

/** A broker as one client sees it: one connection for reading, and one for all else. */
export interface Broker {
  readonly connectionPool: { readonly host: string; readonly port: number; readonly pool: readonly Connection[] };
  readonly versions: Readonly<Record<number, { readonly maxVersion: number }>> | null;
  connect(): Promise<void>;
  metadata(topics: readonly string[]): Promise<Metadata>;
  produce(
    request: object,
  ): Promise<{ readonly topics: readonly { readonly partitions: readonly ProducedPartition[] }[] }>;
  fetch(request: object): Promise<{
    readonly responses: readonly { readonly partitions: readonly { readonly messages: readonly Message[] }[] }[];
  }>;
  listOffsets(
    request: object,
  ): Promise<{ readonly responses: readonly { readonly partitions: readonly { readonly offset: string }[] }[] }>;
  initProducerId(request: object): Promise<{ readonly producerId: string; readonly producerEpoch: number }>;
  createTopics(request: object): Promise<unknown>;
  describeConfigs(
    request: object,
  ): Promise<{ readonly resources: readonly { readonly configEntries: readonly ConfigEntry[] }[] }>;
}

interface Cluster {
  readonly rootLogger: unknown;
  readonly connectionPoolBuilder: {
    build(address?: { readonly host: string; readonly port: number }): Promise<unknown>;
  };
  readonly brokerPool: { createBroker(options: object): Broker };
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Makes brokers; without an address, each time for the next of the bootstrap servers. None is connected yet. */
export type MakeBroker = (address?: Address) => Promise<Broker>;

const CREATE_CLUSTER = 'private:Kafka:createCluster';

/** Throws `ConfigError` if `kafka` is not of kafkajs 2.2. */
export function brokersOf(kafka: Kafka): MakeBroker {
  const symbol = Object.getOwnPropertySymbols(kafka).find(({ description }) => description === CREATE_CLUSTER);
  const create: unknown = symbol === undefined ? undefined : Reflect.get(kafka, symbol);
  if (typeof create !== 'function') throw new ConfigError('Expected `client` to be a Kafka of kafkajs 2.2');
  const cluster = Reflect.apply(create, kafka, [{ allowAutoTopicCreation: false }]) as Cluster;
  return async (address) => {
    const connectionPool = await cluster.connectionPoolBuilder.build(address);
    const broker = cluster.brokerPool.createBroker({ connectionPool, logger: cluster.rootLogger });
    for (const { requestQueue } of broker.connectionPool.pool) calm(requestQueue);
    return broker;
  };
}

/** After the first answer kafkajs looks every ms, for as long as the connection lives, for requests that a quota holds back. */
function calm(queue: RequestQueue): void {
  const schedule = queue.scheduleCheckPendingRequests;
  queue.scheduleCheckPendingRequests = () => {
    if (queue.pending.length === 0) return;
    schedule.call(queue);
    queue.throttleCheckTimeoutId?.unref();
  };
}

/** An idle client must not keep its process alive. To be called once a connection may be new. */
export function unref(broker: Broker): void {
  for (const { socket, requestQueue } of broker.connectionPool.pool) {
    socket?.unref();
    requestQueue.requestTimeoutIntervalId?.unref();
  }
}

/** At once: kafkajs's own `disconnect` waits for the answers to what is under way. That rejects with `error`. */
export function destroy(broker: Broker, error: Error): void {
  for (const connection of broker.connectionPool.pool) {
    connection.rejectRequests(error);
    connection.socket?.destroy(error);
    connection.disconnect().then(undefined, () => undefined);
  }
}
