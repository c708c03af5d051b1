/** The main script of a second thread: calls and replies go over its port, except for `freeze`, which blocks it. */
import { parentPort, workerData } from 'node:worker_threads';
import type { Call } from './protocol.ts';
import { serve } from './serve.ts';
import { FROZEN, THAWED, WANTED } from './thread-body.ts';

const port = parentPort;
if (port === null) throw new Error('To be started as a worker thread');
const state = workerData as Int32Array;

const answer = serve({
  send: (reply) => port.postMessage(reply),
  leave: () => setImmediate(() => port.unref()),
});

port.on('message', (message: Call | 'freeze') => {
  if (message !== 'freeze') {
    answer(message);
    return;
  }
  if (Atomics.compareExchange(state, 0, WANTED, FROZEN) === WANTED) Atomics.wait(state, 0, FROZEN);
  Atomics.store(state, 0, THAWED);
});
