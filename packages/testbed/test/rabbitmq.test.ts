import { connect as connectSocket } from 'node:net';
import { startRabbitmqCluster, startServer } from '@holdfast/testbed';
import type { RunningServer } from '@holdfast/testbed';
import { connect } from 'amqplib';
import type { ChannelModel, Options } from 'amqplib';
import { afterAll, beforeAll, expect, test } from 'vitest';

const QUORUM: Options.AssertQueue = { durable: true, arguments: { 'x-queue-type': 'quorum' } };

let server: RunningServer;
beforeAll(async () => {
  server = await startServer('rabbitmq');
});
afterAll(() => server.stop());

test('answers as soon as it is handed over', async () => {
  expect(server.version).toMatch(/^\d+\.\d+\.\d+$/);
  await withChannel(server, async (channel) => {
    expect(await channel.assertQueue('queue', QUORUM)).toMatchObject({ messageCount: 0 });
  });
});

test('a paused server keeps its connections and answers once resumed', async () => {
  await server.pause();
  const socket = connectSocket(server.port, '127.0.0.1');
  const greeting = new Promise<string>((resolve) => socket.once('data', (bytes: Buffer) => resolve(bytes.toString())));
  socket.write('AMQP\0\0\x09\x01');
  await expect(Promise.race([greeting, silence(500)])).resolves.toBe('silence');
  await server.resume();
  expect(await greeting).toContain('RabbitMQ');
  socket.destroy();
});

test('keeps its port and what was confirmed over a kill, and loses it when restarted empty', async () => {
  await withChannel(server, async (channel) => {
    await channel.assertQueue('kept');
    channel.sendToQueue('kept', Buffer.from('message'), { persistent: true });
    await channel.waitForConfirms();
  });
  await server.kill();
  await expect(connect(server.url)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  await server.restart();
  await withChannel(server, async (channel) => {
    expect(await channel.get('kept', { noAck: true })).toMatchObject({ content: Buffer.from('message') });
  });
  await server.restart({ empty: true });
  await withChannel(server, async (channel) => {
    channel.on('error', () => undefined);
    await expect(channel.checkQueue('kept')).rejects.toMatchObject({ code: 404 });
  });
});

test('serves TLS to those who trust its certificate and know the password', async () => {
  await using own = await startServer('rabbitmq', { tls: true, password: `p@ss: wo"r'd/%#` });
  const connection = await connect(own.url, { ca: [own.ca ?? ''] });
  await connection.close();
  await expect(connect(own.url)).rejects.toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
  const url = new URL(own.url);
  url.password = 'another';
  await expect(connect(url.href, { ca: [own.ca ?? ''] })).rejects.toThrow('ACCESS_REFUSED');
});

test('takes further lines of configuration, and says what the server said when it refuses them', async () => {
  await expect(startServer('rabbitmq', { args: ['no_such_setting = 1'] })).rejects.toThrow('no_such_setting');
  await using own = await startServer('rabbitmq', { args: ['channel_max = 7'] });
  const connection = await connect(own.url);
  for (let channel = 1; channel <= 7; channel += 1) await connection.createChannel();
  await expect(connection.createChannel()).rejects.toThrow('No channels left');
  await connection.close();
});

test('members of a cluster replicate queues, and another leads when the leader is killed or frozen', async () => {
  await using cluster = await startRabbitmqCluster();
  expect(cluster.url.match(/127\.0\.0\.1:\d+/g)).toHaveLength(3);
  const [first] = cluster.members;
  await withChannel(first, (channel) => channel.assertQueue('queue', QUORUM));

  const killed = await cluster.leaderOf('queue');
  await killed.kill();
  await expect.poll(() => cluster.leaderOf('queue').catch(() => killed), { timeout: 20_000 }).not.toBe(killed);
  await killed.restart();

  const frozen = await cluster.leaderOf('queue');
  await frozen.pause();
  await expect.poll(() => cluster.leaderOf('queue').catch(() => frozen), { timeout: 30_000 }).not.toBe(frozen);
  await frozen.resume();
}, 120_000);

async function withChannel(
  { url = '' }: Partial<RunningServer> = {},
  use: (channel: Awaited<ReturnType<ChannelModel['createConfirmChannel']>>) => Promise<unknown>,
): Promise<void> {
  const connection = await connect(url);
  connection.on('error', () => undefined);
  try {
    await use(await connection.createConfirmChannel());
  } finally {
    await connection.close();
  }
}

function silence(ms: number): Promise<string> {
  return new Promise((resolve) => void setTimeout(() => resolve('silence'), ms));
}
