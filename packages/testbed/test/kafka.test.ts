import { startKafkaCluster, startServer } from '@holdfast/testbed';
import type { RunningServer } from '@holdfast/testbed';
import { Kafka, logLevel } from 'kafkajs';
import type { Admin, KafkaConfig } from 'kafkajs';
import { afterAll, beforeAll, expect, test } from 'vitest';

let server: RunningServer;
beforeAll(async () => {
  server = await startServer('kafka');
});
afterAll(() => server.stop());

test('answers as soon as it is handed over, and creates topics only when asked to', async () => {
  expect(server.version).toMatch(/^\d+\.\d+$/);
  const metadata = asAdmin(server, (admin) => admin.fetchTopicMetadata({ topics: ['topic'] }));
  await expect(metadata).rejects.toMatchObject({ type: 'UNKNOWN_TOPIC_OR_PARTITION' });
  expect(await asAdmin(server, (admin) => admin.createTopics({ topics: [{ topic: 'topic' }] }))).toBe(true);
});

test('a paused server does not answer, and does once resumed', async () => {
  await server.pause();
  await expect(asAdmin(server, (admin) => admin.listTopics())).rejects.toThrow('timed out');
  await server.resume();
  expect(await asAdmin(server, (admin) => admin.listTopics())).toContain('topic');
});

test('keeps its port and what was acknowledged over a kill, and loses it when restarted empty', async () => {
  const producer = client(server).producer();
  await producer.connect();
  await producer.send({ topic: 'topic', acks: -1, messages: [{ value: 'record' }] });
  await producer.disconnect();
  await server.kill();
  await expect(asAdmin(server, (admin) => admin.listTopics())).rejects.toThrow('ECONNREFUSED');
  await server.restart();
  const [offsets] = await asAdmin(server, (admin) => admin.fetchTopicOffsets('topic'));
  expect(offsets).toMatchObject({ low: '0', high: '1' });
  await server.restart({ empty: true });
  expect(await asAdmin(server, (admin) => admin.listTopics())).toEqual([]);
});

test('serves TLS to those who trust its certificate and know the password', async () => {
  await using own = await startServer('kafka', { tls: true, password: `p@ss: wo"r'd/%\\` });
  const { username, password } = new URL(own.url);
  const sasl = { mechanism: 'plain', username, password: decodeURIComponent(password) } as const;
  const ssl = { ca: own.ca };
  const wrong = { ...sasl, password: 'another' };
  await expect(asAdmin(own, (admin) => admin.listTopics(), { ssl, sasl: wrong })).rejects.toThrow('authentication');
  await expect(asAdmin(own, (admin) => admin.listTopics(), { ssl: true, sasl })).rejects.toThrow('self-signed');
  expect(await asAdmin(own, (admin) => admin.listTopics(), { ssl, sasl })).toEqual([]);
});

test('says what the server said when it refuses a line of its configuration', async () => {
  await expect(startServer('kafka', { args: ['message.max.bytes=many'] })).rejects.toThrow('message.max.bytes');
});

test('members of a cluster replicate topics, and another leads when the leader is killed or frozen', async () => {
  await using cluster = await startKafkaCluster();
  const [first] = cluster.members;
  if (first === undefined) throw new Error('The cluster has no members');
  await asAdmin(first, (admin) => admin.createTopics({ topics: [{ topic: 'topic' }] }));
  const { leader, replicas } = await partition(first);
  expect(replicas.toSorted()).toEqual([1, 2, 3]);

  const killed = memberOf(cluster.members, leader);
  await killed.kill();
  await expect.poll(() => leaderBut(leader, cluster.members), { timeout: 20_000 }).toBe(true);
  await killed.restart();

  const { leader: second } = await partition(killed);
  const frozen = memberOf(cluster.members, second);
  await frozen.pause();
  await expect.poll(() => leaderBut(second, cluster.members), { timeout: 20_000 }).toBe(true);
  await frozen.resume();
  await expect.poll(async () => (await partition(frozen)).isr.length, { timeout: 20_000 }).toBe(3);
}, 120_000);

function client({ port }: RunningServer, options: Partial<KafkaConfig> = {}): Kafka {
  const patience = { connectionTimeout: 1500, requestTimeout: 1500, retry: { retries: 0 } };
  return new Kafka({ brokers: [`127.0.0.1:${port}`], logLevel: logLevel.NOTHING, ...patience, ...options });
}

async function asAdmin<T>(
  server: RunningServer,
  use: (admin: Admin) => Promise<T>,
  options: Partial<KafkaConfig> = {},
): Promise<T> {
  const admin = client(server, options).admin();
  try {
    await admin.connect();
    return await use(admin);
  } finally {
    await admin.disconnect();
  }
}

async function partition(member: RunningServer): Promise<{ leader: number; replicas: number[]; isr: number[] }> {
  const { topics } = await asAdmin(member, (admin) => admin.fetchTopicMetadata({ topics: ['topic'] }));
  const found = topics[0]?.partitions[0];
  if (found === undefined) throw new Error('The topic has no partition');
  return found;
}

/** The ids of brokers count from 1. */
function memberOf(members: readonly RunningServer[], id: number): RunningServer {
  const member = members[id - 1];
  if (member === undefined) throw new Error(`There is no broker ${id}`);
  return member;
}

/** Whether the brokers but `former` have another leader. */
async function leaderBut(former: number, members: readonly RunningServer[]): Promise<boolean> {
  const others = members.filter((_, i) => i !== former - 1);
  const answers = await Promise.allSettled(others.map(partition));
  return answers.some((answer) => answer.status === 'fulfilled' && ![former, -1].includes(answer.value.leader));
}
