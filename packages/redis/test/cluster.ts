import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { onTestFinished } from 'vitest';
import { createLocks } from '@holdfast/core';
import type { Locks } from '@holdfast/core';
import { redis } from '@holdfast/redis';
import type { RedisOptions } from '@holdfast/redis';
import { startRedisCluster } from '@holdfast/testbed';
import type { RedisCluster, RedisClusterOptions, RunningServer } from '@holdfast/testbed';
import { slotOf } from '../src/cluster/slot.ts';
import { keysOf } from '../src/keys.ts';

/** A cluster of the test's own, which it may hurt. */
export async function ownCluster(options?: RedisClusterOptions): Promise<RedisCluster> {
  const cluster = await startRedisCluster(options);
  onTestFinished(() => cluster[Symbol.asyncDispose]());
  return cluster;
}

export async function open(url: string, options: RedisOptions = {}): Promise<Locks> {
  const locks = await createLocks(redis({ url, ...options }));
  onTestFinished(() => locks.close());
  return locks;
}

/** The slot that the keys of a name are in. */
export function slotOfName(name: string, prefix = 'holdfast'): number {
  return slotOf(keysOf(prefix, name)[0] ?? '');
}

/** A plain client of one member. */
export function clientOf(member: RunningServer): Redis {
  const client = new Redis(member.url, { disableClientInfo: true });
  client.on('error', () => undefined);
  onTestFinished(() => client.disconnect());
  return client;
}

/** The first `count` names whose slots `member` serves. */
export async function namesAt(cluster: RedisCluster, member: RunningServer, count: number): Promise<string[]> {
  const names: string[] = [];
  for (let i = 0; names.length < count; i += 1) {
    const name = `name ${i}`;
    if ((await cluster.ownerOf(slotOfName(name))) === member) names.push(name);
  }
  return names;
}

/** Channels that clients have subscribed to at a member. */
export async function channelsAt(client: Redis): Promise<string[]> {
  return (await client.call('PUBSUB', 'SHARDCHANNELS')) as string[];
}

/** Between two looks at what takes its time. */
export function pause(): Promise<void> {
  return delay(20);
}
