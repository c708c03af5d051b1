import { Redlock as SesameRedlock } from '@sesamecare-oss/redlock';
import { Verrou } from '@verrou/core';
import { redisStore } from '@verrou/core/drivers/redis';
import { Redis } from 'ioredis';
import Redlock from 'redlock';
import { Mutex } from 'redis-semaphore';
import type { Client, Contender, Notification } from '../contender.ts';
import { holdfast } from './holdfast.ts';
import { versioned } from './versions.ts';

/** What every peer is given where it must have one, in ms. */
const TTL_MS = 30_000;

/** All on ioredis, one connection each, which is what Holdfast opens for its commands. */
async function connected(url: string): Promise<Redis> {
  const redis = new Redis(url, { lazyConnect: true });
  await redis.connect();
  return redis;
}

function over(redis: Redis, acquire: Client['acquire']): Client {
  return { acquire, close: () => redis.quit() };
}

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

/** Publish to receive. */
async function notification(url: string): Promise<Notification> {
  const [sender, receiver] = [await connected(url), await connected(url)];
  await receiver.subscribe('bench');
  return {
    async once() {
      const startedAt = performance.now();
      const received = new Promise<number>((resolve) => receiver.once('message', () => resolve(performance.now())));
      await sender.publish('bench', 'x');
      return (await received) - startedAt;
    },
    close: () => Promise.all([sender.quit(), receiver.quit()]),
  };
}

/** The least that a lock with an owner can be: `SET NX PX`, and a script that compares and deletes. */
const bare: Contender = {
  name: 'SET NX and compare-and-delete',
  role: 'raw',
  async open(url) {
    const redis = await connected(url);
    const script = `if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0`;
    const sha = String(await redis.script('LOAD', script));
    return over(redis, async (name) => {
      await redis.set(name, 'owner', 'PX', TTL_MS, 'NX');
      return () => redis.evalsha(sha, 1, name, 'owner');
    });
  },
};

const semaphore: Contender = {
  name: versioned('redis-semaphore'),
  role: 'peer',
  async open(url) {
    const redis = await connected(url);
    return over(redis, async (name) => {
      const mutex = new Mutex(redis, name, { acquireTimeout: Infinity });
      await mutex.acquire();
      return () => mutex.release();
    });
  },
};

const redlock: Contender = {
  name: versioned('redlock'),
  role: 'peer',
  async open(url) {
    const redis = await connected(url);
    // Its default of ten tries fails under contention.
    const redlocks = new Redlock([redis], { retryCount: -1 });
    return over(redis, async (name) => {
      const lock = await redlocks.lock(name, TTL_MS);
      return () => lock.unlock();
    });
  },
};

const sesame: Contender = {
  name: versioned('@sesamecare-oss/redlock'),
  role: 'peer',
  async open(url) {
    const redis = await connected(url);
    const redlocks = new SesameRedlock([redis], { retryCount: 100_000 });
    return over(redis, async (name) => {
      const lock = await redlocks.acquire([name], TTL_MS);
      return () => lock.release();
    });
  },
};

const verrou: Contender = {
  name: versioned('@verrou/core'),
  role: 'peer',
  async open(url) {
    const redis = await connected(url);
    const locks = new Verrou({ default: 'redis', stores: { redis: { driver: redisStore({ connection: redis }) } } });
    return over(redis, async (name) => {
      const lock = locks.createLock(name, TTL_MS);
      await lock.acquire();
      return () => lock.release();
    });
  },
};

export const redisContenders: readonly Contender[] = [raw, bare, holdfast, semaphore, redlock, sesame, verrou];
