import { randomUUID } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import type { Channel, ConsumeMessage } from 'amqplib';
import { expect, test } from 'vitest';
import { operator } from './scene.ts';

/** What 040 rests on: a message says whether it was served before, and those come ahead of those that never were. */
export function describeReturned(url: () => Promise<string>): void {
  test('what was served and comes back says so, and comes ahead of what never was', async () => {
    const { connection, channel } = await operator(await url());
    const queue = randomUUID();
    await channel.assertQueue(queue, {
      durable: true,
      arguments: { 'x-queue-type': 'quorum', 'x-single-active-consumer': true },
    });
    const open = async (): Promise<Channel> => {
      const own = await connection.createChannel();
      await own.prefetch(2);
      return own;
    };
    for (const text of ['1', '2', '3', '4']) channel.sendToQueue(queue, Buffer.from(text), { persistent: true });
    for (let round = 0; round < 3; round += 1) {
      const own = await open();
      const next = await open();
      expect(await served(own, queue, 2)).toEqual(round === 0 ? ['1', '2'] : ['1 again', '2 again']);
      const after = served(next, queue, 2);
      await own.close();
      expect(await after).toEqual(['1 again', '2 again']);
      await next.close();
    }
    const last = await open();
    const rest: string[] = [];
    await last.consume(queue, (message) => {
      if (message === null) return;
      rest.push(textOf(message));
      last.ack(message);
    });
    while (rest.length < 4) await turn();
    expect(rest).toEqual(['1 again', '2 again', '3', '4']);
    await channel.deleteQueue(queue);
  });
}

export async function served(channel: Channel, queue: string, count: number): Promise<string[]> {
  const texts: string[] = [];
  let enough: () => void = () => undefined;
  const all = new Promise<void>((resolve) => (enough = resolve));
  await channel.consume(queue, (message) => {
    if (message !== null) texts.push(textOf(message));
    if (texts.length === count) enough();
  });
  await all;
  return texts;
}

export function textOf({ content, fields }: ConsumeMessage): string {
  return `${content.toString()}${fields.redelivered ? ' again' : ''}`;
}
