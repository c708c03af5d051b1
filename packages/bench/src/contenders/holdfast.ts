import type { Contender } from '../contender.ts';

/** As users have it: with a fencing token, a queue and a watchdog, through the public API. */
export const holdfast: Contender = {
  name: 'holdfast',
  role: 'holdfast',
  async open(url, ttlMs) {
    const { createLocks } = await import('@holdfast/core');
    const locks = await createLocks(url);
    const options = { ttl: ttlMs };
    return {
      async acquire(name) {
        const lock = await locks.acquire(name, options);
        return () => lock.release();
      },
      close: () => locks.close(),
    };
  },
};
