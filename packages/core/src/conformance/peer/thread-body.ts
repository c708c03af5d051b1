import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { Body } from './body.ts';
import type { Reply } from './protocol.ts';

/** The one word that thread and suite share. */
export const THAWED = 0;
export const WANTED = 1;
export const FROZEN = 2;

export function startThread(): Body {
  const state = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(new URL('./thread.js', import.meta.url), { workerData: state, execArgv: [], stdout: true });
  let running = true;
  const gone = new Promise<string>((resolve) => {
    worker.on('error', (error) => resolve(`ended with an error: ${error.stack ?? error.message}`));
    worker.on('exit', (code) => {
      running = false;
      resolve(`ended with code ${code}`);
    });
  });
  return {
    send: (call) => worker.postMessage(call),
    onReply: (listener) => void worker.on('message', (reply) => listener(reply as Reply)),
    kill: async () => {
      await worker.terminate();
    },
    freeze: async () => {
      Atomics.store(state, 0, WANTED);
      worker.postMessage('freeze');
      while (running && Atomics.load(state, 0) !== FROZEN) await delay(1);
    },
    thaw: () => {
      Atomics.store(state, 0, THAWED);
      Atomics.notify(state, 0);
    },
    gone,
  };
}
