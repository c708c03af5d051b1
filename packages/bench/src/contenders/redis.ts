import type { Redis } from 'ioredis';
import { nowMs } from '../clock.ts';
import { DEFAULT_TTL_MS } from '../contender.ts';
import type { Client, Contender, Notification } from '../contender.ts';
import { holdfast } from './holdfast.ts';
import { versioned } from './versions.ts';

/** All on ioredis, one connection each, which is what Holdfast opens for its commands. */
async function connected(url: string, enableAutoPipelining = false): Promise<Redis> {
  const { Redis } = await import('ioredis');
  const redis = new Redis(url, { lazyConnect: true, enableAutoPipelining });
  await redis.connect();
  return redis;
}

function over(redis: Redis, acquire: Client['acquire']): Client {
  return { acquire, close: () => redis.quit() };
}

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
  name: 'SET NX and compare-and-delete, auto-pipelined',
  role: 'raw',
  only: ['throughput'],
  open: (url) => pair(url, true),
};

const semaphore: Contender = {
  name: versioned('redis-semaphore'),
  role: 'peer',
  async open(url, ttlMs) {
    const { Mutex } = await import('redis-semaphore');
    const redis = await connected(url);
    return over(redis, async (name) => {
      const mutex = new Mutex(redis, name, { lockTimeout: ttlMs, acquireTimeout: Infinity });
      await mutex.acquire();
      return () => mutex.release();
    });
  },
};

const redlock: Contender = {
  name: versioned('redlock'),
  role: 'peer',
  async open(url, ttlMs) {
    const { default: Redlock } = await import('redlock');
    const redis = await connected(url);
    // Its default of ten tries fails under contention.
    const redlocks = new Redlock([redis], { retryCount: -1 });
    return over(redis, async (name) => {
      const lock = await redlocks.lock(name, ttlMs);
      return () => lock.unlock();
    });
  },
};

const sesame: Contender = {
  name: versioned('@sesamecare-oss/redlock'),
  role: 'peer',
  async open(url, ttlMs) {
    const { Redlock } = await import('@sesamecare-oss/redlock');
    const redis = await connected(url);
    const redlocks = new Redlock([redis], { retryCount: 100_000 });
    return over(redis, async (name) => {
      const lock = await redlocks.acquire([name], ttlMs);
      return () => lock.release();
    });
  },
};

const verrou: Contender = {
  name: versioned('@verrou/core'),
  role: 'peer',
  async open(url, ttlMs) {
    const { Verrou } = await import('@verrou/core');
    const { redisStore } = await import('@verrou/core/drivers/redis');
    const redis = await connected(url);
    const locks = new Verrou({ default: 'redis', stores: { redis: { driver: redisStore({ connection: redis }) } } });
    return over(redis, async (name) => {
      const lock = locks.createLock(name, ttlMs);
      await lock.acquire();
      return () => lock.release();
    });
  },
};

export const contenders: readonly Contender[] = [raw, bare, pipelined, holdfast, semaphore, redlock, sesame, verrou];
