import { appendFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import type { FromClient } from '../client/spec.ts';
import type { ThreadData, ToThread } from '../client/thread.ts';
import type { ClientHost } from './client-host.ts';

/** Killed by `terminate`, which ends a thread in the middle of whatever it does; frozen by an atomic wait. */
export const threadHost: ClientHost = {
  start(spec, { output, onCounts }) {
    const frozen = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
    const worker = new Worker(new URL('../client/thread.js', import.meta.url), {
      workerData: { spec, frozen } satisfies ThreadData,
    });
    const say = (message: ToThread): void => worker.postMessage(message);
    worker.on('message', (counts: FromClient) => onCounts(counts));
    return {
      ended: new Promise((resolve) => {
        let failure: string | undefined;
        worker.once('error', (error) => {
          failure = String(error);
          appendFileSync(output, `${error instanceof Error ? error.stack : failure}\n`);
        });
        worker.once('exit', (code) => resolve(failure ?? (code === 0 ? undefined : `status ${code}`)));
      }),
      stop: () => say('stop'),
      kill: () => void worker.terminate(),
      freeze() {
        Atomics.store(frozen, 0, 1);
        say('freeze');
      },
      thaw() {
        Atomics.store(frozen, 0, 0);
        Atomics.notify(frozen, 0);
      },
    };
  },
};
