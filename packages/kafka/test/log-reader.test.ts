import { expect, test } from 'vitest';
import { BrokerClock } from '../src/broker-clock.ts';
import { Cluster } from '../src/cluster.ts';
import type { Broker, Message } from '../src/driver.ts';
import { Leader } from '../src/leader.ts';
import { LogReader } from '../src/log-reader.ts';
import { readTail } from '../src/tail.ts';

/** A broker as the protocol lets it be: `answers` may be empty whatever there is, as to a client that is over its quota (KIP-219). */
function readerOf(end: number, answers: readonly (readonly Message[])[]): LogReader {
  const left = [...answers];
  const broker = {
    connectionPool: { host: '', port: 0, pool: [] },
    listOffsets: () => Promise.resolve({ responses: [{ partitions: [{ offset: String(end) }] }] }),
    fetch: () => {
      const messages = left.shift() ?? [];
      return Promise.resolve({ responses: messages.length === 0 ? [] : [{ partitions: [{ messages }] }] });
    },
  } as unknown as Broker;
  const makeBroker = (): Promise<Broker> => Promise.resolve(broker);
  const options = { topic: 't', partitions: 1, replication: 1, viaBootstrap: false, timeoutMs: 100, patienceMs: 300 };
  const cluster = new Cluster({ ...options, makeBroker, hosts: [] });
  return new LogReader(new Leader(0, cluster, new BrokerClock()), broker);
}

function message(offset: number): Message {
  const batchContext = { timestampType: 1, partitionLeaderEpoch: 0 };
  return { offset: String(offset), timestamp: '1800000000000', value: null, isControlRecord: false, batchContext };
}

test('an answer without records is not the end of the log', async () => {
  const tail = await readTail(readerOf(3, [[], [message(0)], [], [], [message(1), message(2), message(3)]]));
  expect(tail.rest.map(({ offset }) => offset)).toEqual([0, 1, 2, 3]);
  expect(tail.next).toBe(4);
});

test('a log that can not be read to its end is not begun with', async () => {
  await expect(readTail(readerOf(3, [[message(0)]]))).rejects.toThrow('the end of the log');
});
