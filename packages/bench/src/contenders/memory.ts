import type { memoryStore as makeMemoryStore } from '@verrou/core/drivers/memory';
import type { Mutex as AsyncMutex } from 'async-mutex';
import type { Contender } from '../contender.ts';
import { holdfast } from './holdfast.ts';
import { versioned } from './versions.ts';

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

let store: ReturnType<typeof makeMemoryStore> | undefined;

/** Each store has locks of its own, so that all clients share one. */
const verrou: Contender = {
  name: versioned('@verrou/core'),
  role: 'peer',
  async open(_url, ttlMs) {
    const { Verrou } = await import('@verrou/core');
    const { memoryStore } = await import('@verrou/core/drivers/memory');
    store ??= memoryStore();
    const locks = new Verrou({ default: 'memory', stores: { memory: { driver: store } } });
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

export const contenders: readonly Contender[] = [raw, holdfast, asyncMutex, verrou, webLocks];
