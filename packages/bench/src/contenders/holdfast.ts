import { createLocks } from '@holdfast/core';
import type { Contender } from '../contender.ts';

/** As users have it: with a fencing token, a queue and a watchdog, through the public API. */
export const holdfast: Contender = {
  name: 'holdfast',
  role: 'holdfast',
  async open(url) {
    const locks = await createLocks(url);
    return {
      async acquire(name) {
        const lock = await locks.acquire(name);
        return () => lock.release();
      },
      close: () => locks.close(),
    };
  },
};
