import type { Redis } from 'ioredis';
import type { Client } from '../contender.ts';

/** All on ioredis, one connection each, which is what Holdfast opens for its commands. */
export async function connected(url: string, enableAutoPipelining = false): Promise<Redis> {
  const { Redis } = await import('ioredis');
  const redis = new Redis(url, { lazyConnect: true, enableAutoPipelining });
  await redis.connect();
  return redis;
}

export function over(redis: Redis, acquire: Client['acquire']): Client {
  return { acquire, close: () => redis.quit() };
}
