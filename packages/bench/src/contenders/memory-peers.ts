import type { Verrou } from '@verrou/core';
import type { StoreFactory } from '@verrou/core/types';
import type AsyncLock from 'async-lock';
import type { Mutex as AsyncMutex } from 'async-mutex';
import type { Contender } from '../contender.ts';
import { versioned } from './versions.ts';

const mutexes = new Map<string, AsyncMutex>();

/** Of one process, for objects and not for names: a map makes it one of names. */
const asyncMutex: Contender = {
  name: versioned('async-mutex'),
  role: 'peer',
  async open() {
    const { Mutex } = await import('async-mutex');
    return {
      async acquire(name) {
        let mutex = mutexes.get(name);
        if (mutex === undefined) mutexes.set(name, (mutex = new Mutex()));
        const release = await mutex.acquire();
        return () => Promise.resolve(release());
      },
      close: () => Promise.resolve(),
    };
  },
};

let verrouLocks: Pick<Verrou<{ memory: StoreFactory }>, 'createLock'> | undefined;

/** Each instance has locks of its own, so that all clients share one. */
const verrou: Contender = {
  name: versioned('@verrou/core'),
  role: 'peer',
  async open(_url, ttlMs) {
    const { Verrou } = await import('@verrou/core');
    const { memoryStore } = await import('@verrou/core/drivers/memory');
    const locks = (verrouLocks ??= new Verrou({ default: 'memory', stores: { memory: { driver: memoryStore() } } }));
    return {
      async acquire(name) {
        const lock = locks.createLock(name, ttlMs);
        await lock.acquire();
        return () => lock.release();
      },
      close: () => Promise.resolve(),
    };
  },
};

/** By name, and said to be the fastest. */
const henrygd: Contender = {
  name: versioned('@henrygd/semaphore'),
  role: 'peer',
  async open() {
    const { getSemaphore } = await import('@henrygd/semaphore');
    return {
      async acquire(name) {
        const semaphore = getSemaphore(name, 1);
        await semaphore.acquire();
        return () => Promise.resolve(semaphore.release());
      },
      close: () => Promise.resolve(),
    };
  },
};

let asyncLocks: AsyncLock | undefined;

/** By name. */
const asyncLock: Contender = {
  name: versioned('async-lock'),
  role: 'peer',
  async open() {
    const { default: AsyncLock } = await import('async-lock');
    // It refuses the thousandth waiter by default.
    const locks = (asyncLocks ??= new AsyncLock({ maxPending: Infinity }));
    return {
      acquire: (name) =>
        new Promise((granted, failed) => {
          let done: Promise<unknown> | undefined;
          done = locks.acquire(name, (release) => granted(() => (release(), done ?? Promise.resolve())));
          done.then(undefined, failed);
        }),
      close: () => Promise.resolve(),
    };
  },
};

interface WebLocks {
  request(name: string, callback: () => Promise<void>): Promise<void>;
}

const webLocksOfNode = (globalThis as { readonly navigator?: { readonly locks?: WebLocks } }).navigator?.locks;

/** Web Locks, in Node from 24 on. */
const webLocks: Contender = {
  name: 'navigator.locks',
  role: 'peer',
  ...(webLocksOfNode === undefined ? { missing: `Node ${process.version} has none` } : {}),
  open() {
    if (webLocksOfNode === undefined) throw new Error('There is no navigator.locks');
    const locks = webLocksOfNode;
    return Promise.resolve({
      acquire: (name) =>
        new Promise((granted) => {
          let release = (): void => undefined;
          const held = new Promise<void>((resolve) => (release = resolve));
          const done = locks.request(name, () => {
            granted(() => {
              release();
              return done;
            });
            return held;
          });
        }),
      close: () => Promise.resolve(),
    });
  },
};

export const memoryPeers: readonly Contender[] = [asyncMutex, henrygd, asyncLock, verrou, webLocks];
