import { setTimeout as delay } from 'node:timers/promises';
import { freePort, sharedServer, startServer } from '@holdfast/testbed';
import kafkajs from 'kafkajs';
import { expect, onTestFinished, test } from 'vitest';
import { brokersOf } from '../src/driver.ts';
import { administer, failure, freshTopic, hostOf, open, rawClient } from './broker.ts';

const { url } = await sharedServer('kafka');
const hosts = hostOf(url);

test('ten clients at once create the topic once, with settings that keep locks', async () => {
  const topic = freshTopic();
  const clients = await Promise.all(Array.from({ length: 10 }, () => open({ hosts, topic, partitions: 3 })));
  const tokens = await Promise.all(clients.map((locks) => locks.request('name', (lock) => lock.fencingToken)));
  expect(new Set(tokens).size).toBe(10);
  const { resources } = await administer(rawClient(url), (admin) =>
    admin.describeConfigs({
      includeSynonyms: false,
      resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic }],
    }),
  );
  const settings = Object.fromEntries(
    resources[0]?.configEntries.map(({ configName, configValue }) => [configName, configValue]) ?? [],
  );
  expect(settings).toMatchObject({
    'cleanup.policy': 'delete',
    'message.timestamp.type': 'LogAppendTime',
    'unclean.leader.election.enable': 'false',
  });
});

test("the brokers' own defaults do not matter for a topic that is created", async () => {
  await using server = await startServer('kafka', {
    args: [
      'compression.type=zstd',
      'message.max.bytes=100000',
      'log.retention.bytes=1000',
      'log.cleanup.policy=compact',
    ],
  });
  const host = hostOf(server.url);
  const locks = await open({ hosts: host, partitions: 1 });
  const names = Array.from({ length: 1000 }, (_, i) => `${i}`.padStart(500, 'x'));
  const held = await Promise.all(names.map((name) => locks.acquire(name)));
  expect(held).toHaveLength(1000);
  const late = await open({ hosts: host, partitions: 1 });
  expect(await late.tryAcquire(names[0] ?? '')).toBeNull();
}, 60_000);

test('3000 holds with long names in one partition: renewed, shown, and found by who comes late', async () => {
  const topic = freshTopic();
  const locks = await open({ hosts, topic, partitions: 1, patience: '30s' });
  const names = Array.from({ length: 3000 }, (_, i) => `${i}`.padStart(1000, 'x'));
  const held = await Promise.all(names.map((name) => locks.acquire(name, { ttl: '15s' })));
  const late = await open({ hosts, topic, partitions: 1, patience: '30s' });
  expect(await late.tryAcquire(names[2999] ?? '')).toBeNull();
  expect((await late.query()).held).toHaveLength(3000);
  await delay(15_000);
  expect(held.every((lock) => lock.held)).toBe(true);
  expect((await late.query()).held).toHaveLength(3000);
  await locks.close();
}, 150_000);

test.each([
  ['message.timestamp.type', 'CreateTime'],
  ['cleanup.policy', 'compact'],
  ['compression.type', 'lz4'],
  ['max.message.bytes', '100000'],
])('a topic of that name with %s=%s is refused, with what to do about it', async (name, value) => {
  const topic = freshTopic();
  const configEntries = [{ name: 'message.timestamp.type', value: 'LogAppendTime' }].filter(
    (entry) => entry.name !== name,
  );
  configEntries.push({ name, value });
  await administer(rawClient(url), (admin) =>
    admin.createTopics({
      topics: [{ topic, numPartitions: 16, replicationFactor: 1, configEntries }],
      waitForLeaders: false,
    }),
  );
  const locks = await open({ hosts, topic });
  const { error } = await failure(locks.acquire('name'));
  expect(error.code).toBe('CONFIG');
  expect(error.message).toContain(`${name}=${value}`);
  expect(error.message).toContain(`kafka-configs.sh --alter --entity-type topics --entity-name ${topic}`);
});

test('another number of partitions than the topic has is refused, also when it was raised later', async () => {
  const topic = freshTopic();
  const locks = await open({ hosts, topic, partitions: 2 });
  const lock = await locks.acquire('name');
  const other = await failure((await open({ hosts, topic, partitions: 3 })).acquire('name'));
  expect(other.error.message).toContain('has 2 partitions, and `partitions` is 3');
  await administer(rawClient(url), (admin) => admin.createPartitions({ topicPartitions: [{ topic, count: 3 }] }));
  const late = await failure((await open({ hosts, topic, partitions: 2 })).acquire('name'));
  expect(late.error.message).toContain('has 3 partitions, and `partitions` is 2');
  // Who follows the administrator meets the log of those who came before.
  const names = Array.from({ length: 20 }, (_, i) => `name ${i}`);
  for (const name of names) await locks.request(name, () => undefined);
  const raised = await open({ hosts, topic, partitions: 3 });
  const outcomes = await Promise.all(names.map((name) => raised.acquire(name).catch((error: Error) => error.message)));
  expect(outcomes).toContain(
    `The topic ${topic} has locks whose names are spread over 2 partitions, and \`partitions\` is 3.`,
  );
  expect(lock.held).toBe(true);
  await lock.release();
});

test('a ttl beyond a quarter of the retention is refused', async () => {
  const topic = freshTopic();
  const configEntries = [
    { name: 'message.timestamp.type', value: 'LogAppendTime' },
    { name: 'retention.ms', value: '3600000' },
  ];
  await administer(rawClient(url), (admin) =>
    admin.createTopics({
      topics: [{ topic, numPartitions: 16, replicationFactor: 1, configEntries }],
      waitForLeaders: false,
    }),
  );
  const locks = await open({ hosts, topic });
  await locks.request('name', { ttl: '15m' }, () => undefined);
  const { error } = await failure(locks.acquire('name', { ttl: '16m' }));
  expect(error.message).toContain('900000 ms');
});

test('no broker there: an error after `patience`, with what the system said', async () => {
  const locks = await open({ hosts: `127.0.0.1:${await freePort()}`, patience: 500 });
  const { error, ms } = await failure(locks.acquire('name'));
  expect(error.code).toBe('BACKEND_UNAVAILABLE');
  expect(error.message).toContain('ECONNREFUSED');
  expect(ms).toBeLessThan(5000);
});

test('a wrong password is told at once, and not shown; so is a right that is missing, with what to run', async () => {
  const password = 'right secret';
  await using server = await startServer('kafka', {
    password,
    args: [
      'authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer',
      'allow.everyone.if.no.acl.found=true',
      'super.users=User:ANONYMOUS',
    ],
  });
  const host = hostOf(server.url);
  const wrong = await failure(
    (await open({ hosts: host, username: 'holdfast', password: 'wrong secret' })).acquire('name'),
  );
  expect(wrong.error.code).toBe('BACKEND_UNAVAILABLE');
  expect(wrong.error.message).toContain('refused the user name or password');
  expect(JSON.stringify([wrong.error.message, wrong.error.stack, wrong.error.cause])).not.toContain('wrong secret');
  expect(wrong.ms).toBeLessThan(4000);

  const login = { username: 'holdfast', password };
  const topic = freshTopic();
  await administer(rawClient(server.url, login), (admin) =>
    admin.createAcls({
      acl: (
        [
          [kafkajs.AclResourceTypes.CLUSTER, 'kafka-cluster', 'CREATE', 'DENY'],
          [kafkajs.AclResourceTypes.TOPIC, topic, 'DESCRIBE', 'ALLOW'],
        ] as const
      ).map(([resourceType, resourceName, operation, permission]) => ({
        resourceType,
        resourceName,
        resourcePatternType: kafkajs.ResourcePatternTypes.LITERAL,
        principal: 'User:holdfast',
        host: '*',
        operation: kafkajs.AclOperationTypes[operation],
        permissionType: kafkajs.AclPermissionTypes[permission],
      })),
    }),
  );
  const denied = await failure((await open({ hosts: host, ...login, topic })).acquire('name'));
  expect(denied.error.message).toMatch(/does not let it be created: \w+_AUTHORIZATION_FAILED/);
  expect(denied.error.message).toContain(`kafka-topics.sh --create --topic ${topic}`);
});

test('a broker that is restarted keeps locks and places; one that is frozen delays only', async () => {
  await using server = await startServer('kafka');
  const host = hostOf(server.url);
  const [holder, waiter] = [await open({ hosts: host }), await open({ hosts: host, patience: '20s' })];
  const lock = await holder.acquire('name', { ttl: '90s' });
  const next = waiter.acquire('name', { ttl: '90s' });
  await delay(200);
  await server.restart();
  expect(lock.held).toBe(true);
  await expect
    .poll(
      () =>
        lock.renew().then(
          () => true,
          () => false,
        ),
      { timeout: 20_000, interval: 100 },
    )
    .toBe(true);
  await lock.release();
  const won = await next;
  expect(won.fencingToken).toBeGreaterThan(lock.fencingToken);

  await server.pause();
  const attempt = await failure(holder.acquire('other', { ttl: '90s', timeout: 300 }));
  expect(attempt.error.code).toBe('LOCK_TIMEOUT');
  await delay(2500);
  await server.resume();
  // What was sent to the frozen broker is there now, and is followed by its withdrawal; a ttl would be much longer.
  await expect
    .poll(async () => (await waiter.tryAcquire('other').catch(() => null)) !== null, { timeout: 15_000, interval: 100 })
    .toBe(true);
  await won.release();
}, 150_000);

test('a wait goes on though the broker was silent when a holder was to be replaced', async () => {
  await using server = await startServer('kafka');
  const host = hostOf(server.url);
  const holder = await open({ hosts: host, partitions: 1 });
  const waiter = await open({ hosts: host, partitions: 1, patience: 500 });
  await waiter.request('other', () => undefined);
  await holder.acquire('name', { ttl: '3s', renew: false });
  const next = waiter.acquire('name', { ttl: '90s' });
  await delay(500);
  await server.pause();
  // It keeps whatever is written after it from being sent.
  await failure(waiter.acquire('other', { timeout: 300 }));
  await delay(5000);
  await server.resume();
  expect((await next).held).toBe(true);
}, 100_000);

test('a topic deleted under a holder: its signal aborts, and tokens go on in the new one', async () => {
  const topic = freshTopic();
  const locks = await open({ hosts, topic, partitions: 1 });
  const lock = await locks.acquire('name', { ttl: '3s' });
  await administer(rawClient(url), (admin) => admin.deleteTopics({ topics: [topic] }));
  await expect.poll(() => lock.signal.aborted, { timeout: 10_000 }).toBe(true);
  let token: bigint | undefined;
  const again = async (): Promise<boolean> => {
    token = await locks.request('name', ({ fencingToken }) => fencingToken).catch(() => undefined);
    return token !== undefined;
  };
  await expect.poll(again, { timeout: 20_000 }).toBe(true);
  expect(token).toBeGreaterThan(lock.fencingToken);
});

test('the broker refuses a copy of a batch that was long under way', async () => {
  const topic = freshTopic();
  await (await open({ hosts, topic, partitions: 1 })).request('name', () => undefined);
  const broker = await brokersOf(rawClient(url))();
  await broker.connect();
  onTestFinished(() => broker.connectionPool.pool.forEach((connection) => void connection.disconnect()));
  const { producerId, producerEpoch } = await broker.initProducerId({ transactionTimeout: 60_000 });
  const append = async (firstSequence: number): Promise<string | undefined> => {
    const { topics } = await broker.produce({
      producerId,
      producerEpoch,
      topicData: [{ topic, partitions: [{ partition: 0, firstSequence, messages: [{ key: null, value: '{}' }] }] }],
    });
    return topics[0]?.partitions[0]?.baseOffset;
  };
  const end = async (): Promise<string | undefined> => {
    const asked = { topics: [{ topic, partitions: [{ partition: 0, timestamp: '-1' }] }] };
    return (await broker.listOffsets(asked)).responses[0]?.partitions[0]?.offset;
  };
  const offsets = [await append(0), await append(1)];
  const before = await end();
  expect(await append(0)).toBe(offsets[0]);
  expect(await end()).toBe(before);
});

test('over TLS, with the authority of the brokers given, and not without it', async () => {
  await using server = await startServer('kafka', { tls: true });
  const { ca = '' } = server;
  const host = hostOf(server.url);
  const locks = await open({ hosts: host, tls: { ca } });
  await locks.request('name', (lock) => expect(lock.held).toBe(true));
  const { error } = await failure((await open({ hosts: host, tls: true, patience: 500 })).acquire('name'));
  expect(error.code).toBe('BACKEND_UNAVAILABLE');
  expect(error.message).toContain('certificate');
});

test("a Kafka of one's own serves as well", async () => {
  const locks = await open({ client: rawClient(url), topic: freshTopic(), partitions: 1 });
  const lock = await locks.acquire('name');
  expect(await locks.tryAcquire('name')).toBeNull();
  await lock.release();
  const { server, findings } = await locks.diagnose();
  expect(server).toContain('1 broker');
  expect(findings.map(({ level }) => level)).not.toContain('error');
});
