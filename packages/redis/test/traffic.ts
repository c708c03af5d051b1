import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { onTestFinished } from 'vitest';
import { createLocks } from '@holdfast/core';
import type { Locks } from '@holdfast/core';
import { redis } from '@holdfast/redis';
import type { RedisOptions } from '@holdfast/redis';
import { startServer } from '@holdfast/testbed';
import type { RunningServer } from '@holdfast/testbed';

export type ServerOptions = NonNullable<Parameters<typeof startServer>[1]>;

/** A server of the test's own, so that its counters count nothing else. */
export async function ownServer(options?: ServerOptions): Promise<RunningServer> {
  const server = await startServer('redis', options);
  onTestFinished(() => server.stop());
  return server;
}

export async function open(url: string, options: RedisOptions = {}): Promise<Locks> {
  const locks = await createLocks(redis({ url, ...options }));
  onTestFinished(() => locks.close());
  return locks;
}

/** A plain client that looks on. */
export function onlooker(url: string): Redis {
  const client = new Redis(url, { disableClientInfo: true });
  client.on('error', () => undefined);
  onTestFinished(() => client.disconnect());
  return client;
}

/** What the server has executed during `work`, by command; those inside scripts are counted, too. */
export async function executed(client: Redis, work: () => Promise<unknown>): Promise<Record<string, number>> {
  await client.config('RESETSTAT');
  await work();
  const stats = await client.info('commandstats');
  const calls = Array.from(stats.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm), ([, name = '', count]) => [
    name,
    Number(count),
  ]);
  return Object.fromEntries(calls.filter(([name]) => !String(name).startsWith('config') && name !== 'info'));
}

/** Ids of the normal and of the subscribed connections, without the onlooker's own. */
export async function connections(client: Redis): Promise<{ commands: string[]; messages: string[] }> {
  const own = String(await client.client('ID'));
  const lines = String(await client.client('LIST'))
    .trim()
    .split('\n');
  const found = { commands: [] as string[], messages: [] as string[] };
  for (const line of lines) {
    const id = /\bid=(\d+)/.exec(line)?.[1] ?? '';
    if (id !== own) (/\bsub=0\b/.test(line) ? found.commands : found.messages).push(id);
  }
  return found;
}

/** Resolves when `condition` does to true; rejects after `limitMs`. */
export async function until(condition: () => Promise<boolean> | boolean, limitMs = 5000): Promise<void> {
  const end = performance.now() + limitMs;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`Not within ${limitMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

export async function pending(locks: Locks, name: string): Promise<number> {
  return (await locks.query(name)).pending.length;
}

/** Both connections up and all scripts known: what a process does once is not counted. */
export async function warm(locks: Locks): Promise<void> {
  const lock = await locks.acquire('warm');
  const next = locks.acquire('warm');
  await until(async () => (await pending(locks, 'warm')) === 1);
  await lock.release();
  await (await next).release();
  await delay(100);
}
