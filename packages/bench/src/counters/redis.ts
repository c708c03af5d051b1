import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import type { Counter } from './counter.ts';

/** MONITOR tells of each command who sent it. INFO counts what scripts call along with what clients send. */
export function redisCounter(url: string): Counter {
  return {
    unit: 'commands',
    async during(work) {
      const redis = new Redis(url, { lazyConnect: true });
      await redis.connect();
      const monitor = await redis.monitor();
      try {
        const [first, last] = [randomUUID(), randomUUID()];
        const counted = between(monitor, first, last);
        await redis.echo(first);
        await work();
        await redis.echo(last);
        return await counted;
      } finally {
        monitor.disconnect();
        await redis.quit();
      }
    },
  };
}

function between(monitor: Redis, first: string, last: string): Promise<number> {
  return new Promise((resolve) => {
    let count: number | undefined;
    monitor.on('monitor', (_time: string, [, argument]: string[], source: string) => {
      if (argument === last) resolve(count ?? 0);
      else if (argument === first) count = 0;
      else if (count !== undefined && source !== 'lua') count += 1;
    });
  });
}
