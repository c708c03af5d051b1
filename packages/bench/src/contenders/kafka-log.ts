import type { Broker, Message } from '../../../kafka/dist/driver.js';

const TOPIC = 'bench';
export const PARTITIONS = 16;
const MAX_BYTES = 4 * 1024 * 1024;
const WAIT_MS = 1000;
/** About what Holdfast's own records have. */
const VALUE = 'x'.repeat(300);

/** A broker, through the same driver as Holdfast's adapter: kafkajs without a consumer group. */
export interface Log {
  /** The offset. */
  append(value?: string): Promise<number>;
  end(): Promise<number>;
  /** Waits at the broker for up to {@link WAIT_MS}. */
  read(offset: number): Promise<readonly Message[]>;
  close(): Promise<unknown>;
}

export async function connected(url: string, partition: number): Promise<Log> {
  const { default: kafkajs } = await import('kafkajs');
  const { brokersOf } = await import('../../../kafka/dist/driver.js');
  const client = new kafkajs.Kafka({ brokers: [new URL(url).host], logLevel: kafkajs.logLevel.NOTHING });
  const admin = client.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic: TOPIC, numPartitions: PARTITIONS }], waitForLeaders: true });
  await admin.disconnect();
  const broker = await brokersOf(client)(address(url));
  return await logOf(broker, partition);
}

function address(url: string): { host: string; port: number } {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port) };
}

async function logOf(broker: Broker, partition: number): Promise<Log> {
  await broker.connect();
  return {
    async append(value = VALUE) {
      const partitions = [{ partition, messages: [{ key: null, value }] }];
      const { topics } = await broker.produce({ acks: -1, topicData: [{ topic: TOPIC, partitions }] });
      return Number(topics[0]?.partitions[0]?.baseOffset);
    },
    async end() {
      const { responses } = await broker.listOffsets({
        topics: [{ topic: TOPIC, partitions: [{ partition, timestamp: '-1' }] }],
      });
      return Number(responses[0]?.partitions[0]?.offset);
    },
    async read(offset) {
      const { responses } = await broker.fetch({
        maxWaitTime: WAIT_MS,
        minBytes: 1,
        maxBytes: MAX_BYTES,
        topics: [{ topic: TOPIC, partitions: [{ partition, fetchOffset: String(offset), maxBytes: MAX_BYTES }] }],
      });
      return responses[0]?.partitions[0]?.messages ?? [];
    },
    close: () => Promise.all(broker.connectionPool.pool.map((connection) => connection.disconnect())),
  };
}

export interface Reader {
  /** Of the record that is read next. */
  readonly next: number;
  /** Ends it, and the connection. */
  close(): Promise<void>;
}

/** Reads on from the end, always waiting for what comes next. */
export async function follow(log: Log, onRead: (messages: readonly Message[], next: number) => void): Promise<Reader> {
  let next = await log.end();
  let isOpen = true;
  const reading = (async () => {
    while (isOpen) {
      const messages = await log.read(next);
      next = Math.max(next, ...messages.map(({ offset }) => Number(offset) + 1));
      onRead(messages, next);
    }
  })();
  return {
    get next() {
      return next;
    },
    async close() {
      isOpen = false;
      await reading;
      await log.close();
    },
  };
}
