import type { ChannelModel, ConfirmChannel, ConsumeMessage, Options } from 'amqplib';
import { nowMs } from '../clock.ts';
import type { Client, Contender, Notification } from '../contender.ts';
import { holdfast } from './holdfast.ts';

async function connected(url: string): Promise<ChannelModel> {
  const { connect } = await import('amqplib');
  return await connect(url, { noDelay: true });
}

const QUEUE: Options.AssertQueue = { durable: true, arguments: { 'x-queue-type': 'quorum', 'x-expires': 600_000 } };
const PREFETCH = 4;

async function channelOf(connection: ChannelModel): Promise<ConfirmChannel> {
  const channel = await connection.createConfirmChannel();
  await channel.prefetch(PREFETCH);
  return channel;
}

/** With one message in it, in the hands of whoever consumes it. */
async function declare(channel: ConfirmChannel, queue: string, options: Options.AssertQueue): Promise<void> {
  const { messageCount, consumerCount } = await channel.assertQueue(queue, options);
  if (messageCount + consumerCount > 0) return;
  channel.sendToQueue(queue, Buffer.from('x'), { persistent: true });
  await channel.waitForConfirms();
}

/** From a message that is published to a quorum queue until a consumer on another connection has it. */
const notification: Notification = {
  async sender(url) {
    const connection = await connected(url);
    const channel = await channelOf(connection);
    await channel.assertQueue('bench', QUEUE);
    return {
      arm: () => Promise.resolve(),
      send: () => {
        channel.sendToQueue('bench', Buffer.from('x'), { persistent: true });
        return channel.waitForConfirms();
      },
      close: () => connection.close(),
    };
  },
  async receiver(url) {
    const connection = await connected(url);
    const channel = await channelOf(connection);
    await channel.assertQueue('bench', QUEUE);
    let heardAt = (_at: number): void => undefined;
    await channel.consume('bench', (message) => {
      heardAt(nowMs());
      if (message !== null) channel.ack(message);
    });
    return {
      listen: () => Promise.resolve({ heard: new Promise((resolve) => (heardAt = resolve)) }),
      close: () => connection.close(),
    };
  },
};

/** Takes the message that is there, sends one of its own after it, and waits until that is back. */
async function taken(channel: ConfirmChannel, queue: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    let first: ConsumeMessage | undefined;
    const onMessage = (message: ConsumeMessage | null): void => {
      if (message === null) {
        reject(new Error('The queue is gone'));
      } else if (first === undefined) {
        first = message;
        channel.sendToQueue(queue, Buffer.from('x'), { persistent: true });
      } else {
        channel.ack(first);
        resolve();
      }
    };
    channel.consume(queue, onMessage).then(undefined, reject);
  });
}

/**
 * A consumer registers with a quorum queue, gets a message, publishes one that comes back to it, and leaves with its channel; the next channel is opened
 * meanwhile. A queue that puts its consumers in line tells by that who is the first, and gives it a number.
 */
const raw: Contender = {
  name: 'consume, publish, close',
  role: 'raw',
  open: (url) => consuming(url, QUEUE),
  notification,
};

/** The same in a queue that lets one consumer at a time have messages: it excludes, and grants in the order of the registrations. */
const active: Contender = {
  name: 'the same with a single active consumer',
  role: 'floor',
  only: ['hand-over'],
  open: (url) => consuming(url, { ...QUEUE, arguments: { ...QUEUE.arguments, 'x-single-active-consumer': true } }),
};

async function consuming(url: string, options: Options.AssertQueue): Promise<Client> {
  const connection = await connected(url);
  const control = await channelOf(connection);
  const queues = new Map<string, Promise<void>>();
  const spare: Promise<ConfirmChannel>[] = [];
  const next = (): Promise<ConfirmChannel> => {
    const channel = spare.pop() ?? channelOf(connection);
    if (spare.length === 0) spare.push(channelOf(connection));
    return channel;
  };
  return {
    async acquire(name) {
      let queue = queues.get(name);
      if (queue === undefined) queues.set(name, (queue = declare(control, `raw.${name}`, options)));
      await queue;
      const channel = await next();
      await taken(channel, `raw.${name}`);
      return () => channel.close();
    },
    close: () => connection.close(),
  };
}

export const contenders: readonly Contender[] = [raw, active, holdfast];
