import type { Contender } from '../contender.ts';
import { liveMutex } from './live-mutex.ts';
import { connected, over } from './redis-client.ts';
import { versioned } from './versions.ts';

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

const redlockUniversal: Contender = {
  name: versioned('redlock-universal'),
  role: 'peer',
  async open(url, ttlMs) {
    const { createLock, IoredisAdapter } = await import('redlock-universal');
    const redis = await connected(url);
    const adapter = new IoredisAdapter(redis);
    return over(redis, async (key) => {
      // Its default of three tries fails under contention.
      const lock = createLock({ adapter, key, ttl: ttlMs, retryAttempts: Number.MAX_SAFE_INTEGER });
      const handle = await lock.acquire();
      return () => lock.release(handle);
    });
  },
};

const ioredisLock: Contender = {
  name: versioned('@microfleet/ioredis-lock'),
  role: 'peer',
  async open(url, ttlMs) {
    const { createLock } = await import('@microfleet/ioredis-lock');
    const redis = await connected(url);
    return over(redis, async (name) => {
      const lock = createLock(redis, { timeout: ttlMs, retries: Infinity });
      await lock.acquire(name);
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

export const redisPeers: readonly Contender[] = [
  semaphore,
  redlock,
  sesame,
  redlockUniversal,
  ioredisLock,
  verrou,
  liveMutex,
];
