/** What the tests run in a thread of its own: `workerData.task` names the function below. */
import { createLocks } from '@holdfast/core';
import { memory } from '@holdfast/memory';
import { parentPort, workerData } from 'node:worker_threads';

const { task, space, url, name, options } = workerData;
const locks = await createLocks(url ?? memory({ space }));

const tasks = {
  /** Adds to a counter that is not atomic, and notes each token at the place that the counter had. */
  async count() {
    const { counter, tokens, rounds } = workerData;
    for (let i = 0; i < rounds; i += 1) {
      await locks.request(name, options ?? {}, async ({ fencingToken }) => {
        const before = counter[0];
        if (i % 10 === 0) await new Promise(setImmediate);
        tokens[before] = fencingToken;
        counter[0] = before + 1;
      });
    }
  },
  /** Until it is terminated. */
  async hammer() {
    parentPort.postMessage('started');
    for (let i = 0; ; i += 1) {
      const mode = i % 5 === 0 ? { permits: 2 } : i % 3 === 0 ? { mode: 'shared' } : {};
      await locks.request(`${name} ${i % 4}`, { ...options, ...mode }, () => undefined).catch(unlessLost);
    }
  },
  async hold() {
    const lock = await locks.acquire(name, options);
    parentPort.postMessage(['held', lock.fencingToken]);
    lock.signal.addEventListener('abort', () => parentPort.postMessage(['lost', lock.signal.reason.code]));
    await new Promise((resolve) => parentPort.once('message', resolve));
    await lock.release();
    parentPort.postMessage(['released']);
    parentPort.unref();
  },
  /** As a second process would be stopped: nothing of this thread runs until `gate` opens. */
  async holdFrozen() {
    const lock = await locks.acquire(name, options);
    parentPort.postMessage(['held', lock.fencingToken]);
    lock.signal.addEventListener('abort', () => parentPort.postMessage(['lost', lock.signal.reason.code]));
    await new Promise(setImmediate);
    Atomics.wait(workerData.gate, 0, 0);
    parentPort.postMessage(['woke', lock.held]);
  },
  async waitFrozen() {
    const pending = locks.acquire(name, options);
    parentPort.postMessage(['waiting']);
    Atomics.wait(workerData.gate, 0, 0);
    const lock = await pending;
    parentPort.postMessage(['held', lock.fencingToken, lock.remainingMs]);
    await lock.release();
  },
};
await tasks[task]();

/** On a busy machine a thread may be away for longer than a short ttl. */
function unlessLost(error) {
  if (error.code !== 'LOCK_LOST') throw error;
}
