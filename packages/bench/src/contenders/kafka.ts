import type { Broker, Message } from '../../../kafka/dist/driver.js';
import { nowMs } from '../clock.ts';
import type { Contender, Notification } from '../contender.ts';
import { holdfast } from './holdfast.ts';

const TOPIC = 'bench';
const PARTITIONS = 16;
const MAX_BYTES = 4 * 1024 * 1024;
const WAIT_MS = 1000;
/** About what Holdfast's own records have. */
const VALUE = 'x'.repeat(300);

/** A broker, through the same driver as Holdfast's adapter: kafkajs without a consumer group. */
interface Log {
  /** The offset. */
  append(): Promise<number>;
  end(): Promise<number>;
  /** Waits at the broker for up to {@link WAIT_MS}. */
  read(offset: number): Promise<readonly Message[]>;
  close(): Promise<unknown>;
}

async function connected(url: string, partition: number): Promise<Log> {
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
    async append() {
      const partitions = [{ partition, messages: [{ key: null, value: VALUE }] }];
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

/** From an append until another connection has read it. */
const notification: Notification = {
  async sender(url) {
    const log = await connected(url, 0);
    return { arm: () => Promise.resolve(), send: () => log.append(), close: () => log.close() };
  },
  async receiver(url) {
    const log = await connected(url, 0);
    const heardFrom = async (offset: number): Promise<number> => {
      while ((await log.read(offset)).length === 0);
      return nowMs();
    };
    return {
      listen: async () => ({ heard: heardFrom(await log.end()) }),
      close: () => log.close(),
    };
  },
};

let clients = 0;

/** A record is appended and read back, by a reader that always waits for the next; then another one is appended. */
const raw: Contender = {
  name: 'append, read back, append',
  role: 'raw',
  async open(url) {
    clients += 1;
    const log = await connected(url, clients % PARTITIONS);
    const waiting = new Map<number, () => void>();
    let next = await log.end();
    let isOpen = true;
    const reading = (async () => {
      while (isOpen) {
        const messages = await log.read(next);
        next = Math.max(next, ...messages.map(({ offset }) => Number(offset) + 1));
        for (const [offset, isRead] of waiting) {
          if (offset >= next) continue;
          waiting.delete(offset);
          isRead();
        }
      }
    })();
    return {
      async acquire() {
        const offset = await log.append();
        if (offset >= next) await new Promise<void>((resolve) => waiting.set(offset, resolve));
        return () => log.append();
      },
      async close() {
        isOpen = false;
        await reading;
        await log.close();
      },
    };
  },
  notification,
};

export const contenders: readonly Contender[] = [raw, holdfast];
