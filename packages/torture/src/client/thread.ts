/** A client in a thread, for locks that end at the process. It is frozen between two turns of its event loop. */
import { parentPort, workerData } from 'node:worker_threads';
import { runClient } from './client.ts';
import type { ClientSpec } from './spec.ts';

export interface ThreadData {
  readonly spec: ClientSpec;
  /** One cell: 1 while the thread is to stand still. */
  readonly frozen: Int32Array;
}

export type ToThread = 'stop' | 'freeze';

const { spec, frozen } = workerData as ThreadData;
const stop = new AbortController();
parentPort?.on('message', (message: ToThread) => {
  if (message === 'stop') stop.abort();
  else Atomics.wait(frozen, 0, 1);
});
await runClient(spec, { stop: stop.signal, count: (counts) => parentPort?.postMessage(counts) });
parentPort?.close();
