import type { Contender } from '../contender.ts';
import { holdfast } from './holdfast.ts';
import { memoryPeers } from './memory-peers.ts';

/** A promise that is resolved, awaited twice. */
const raw: Contender = {
  name: 'two awaits',
  role: 'raw',
  open: () =>
    Promise.resolve({
      async acquire() {
        await Promise.resolve();
        return () => Promise.resolve();
      },
      close: () => Promise.resolve(),
    }),
};

/** All of core, and a backend that grants whatever it is asked: what a lock costs in memory before there is one. */
const core: Contender = {
  name: 'core without a backend',
  role: 'floor',
  only: ['latency'],
  async open(_url, ttlMs) {
    const [{ createLocks }, { Lease, monotonicMs }] = await Promise.all([
      import('@holdfast/core'),
      import('@holdfast/core/adapter'),
    ]);
    const { memory } = await import('@holdfast/memory');
    let token = 0n;
    const renew = (): Promise<'renewed'> => Promise.resolve('renewed');
    const locks = await createLocks({
      name: 'none',
      capabilities: memory().capabilities,
      acquire() {
        const lease = new Lease({ ttlMs, provedAt: monotonicMs(), auto: true, renew });
        return Promise.resolve({ fencingToken: (token += 1n), lease });
      },
      release({ lease }) {
        lease.end();
        return Promise.resolve('released');
      },
      close: () => Promise.resolve(),
    });
    return {
      async acquire(name) {
        const lock = await locks.acquire(name, { ttl: ttlMs });
        return () => lock.release();
      },
      close: () => locks.close(),
    };
  },
};

export const contenders: readonly Contender[] = [raw, core, holdfast, ...memoryPeers];
