import { nowMs } from '../clock.ts';
import { DEFAULT_TTL_MS } from '../contender.ts';
import type { Client, Contender, Notification } from '../contender.ts';
import { holdfast } from './holdfast.ts';
import { connected, over } from './redis-client.ts';
import { redisFloors } from './redis-floors.ts';
import { redisPeers } from './redis-peers.ts';

/** Publish to receive. */
const notification: Notification = {
  async sender(url) {
    const redis = await connected(url);
    return { arm: () => Promise.resolve(), send: () => redis.publish('bench', 'x'), close: () => redis.quit() };
  },
  async receiver(url) {
    const redis = await connected(url);
    await redis.subscribe('bench');
    return {
      listen: () => Promise.resolve({ heard: new Promise((resolve) => redis.once('message', () => resolve(nowMs()))) }),
      close: () => redis.quit(),
    };
  },
};

const raw: Contender = {
  name: 'two PINGs',
  role: 'raw',
  async open(url) {
    const redis = await connected(url);
    return over(redis, async () => {
      await redis.ping();
      return () => redis.ping();
    });
  },
  notification,
};

const COMPARE_AND_DELETE = `if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0`;

async function pair(url: string, isPipelined: boolean): Promise<Client> {
  const redis = await connected(url, isPipelined);
  const sha = String(await redis.script('LOAD', COMPARE_AND_DELETE));
  return over(redis, async (name) => {
    await redis.set(name, 'owner', 'PX', DEFAULT_TTL_MS, 'NX');
    return () => redis.evalsha(sha, 1, name, 'owner');
  });
}

/** The least that a lock with an owner can be: `SET NX PX`, and a script that compares and deletes. */
const bare: Contender = {
  name: 'SET NX and compare-and-delete',
  role: 'raw',
  only: ['latency', 'throughput', 'requests'],
  open: (url) => pair(url, false),
};

/** Where many tasks ask at once, the fastest way to send the same: as many commands in a write as there are. */
const pipelined: Contender = {
  name: 'SET NX and compare-and-delete (auto-pipelined)',
  role: 'raw',
  only: ['throughput'],
  open: (url) => pair(url, true),
};

export const contenders: readonly Contender[] = [raw, bare, pipelined, ...redisFloors, holdfast, ...redisPeers];
