/** Uses locks in two threads and closes nothing: the process must end by itself. */
import { createLocks } from '@holdfast/core';
import { memory, memorySpace } from '@holdfast/memory';
import { isMainThread, Worker, workerData } from 'node:worker_threads';

const space = isMainThread ? memorySpace() : workerData.space;
if (isMainThread) {
  const worker = new Worker(new URL(import.meta.url), { workerData: { space } });
  worker.once('error', (error) => {
    throw error;
  });
}
for (const backend of [memory(), memory({ space })]) {
  const locks = await createLocks(backend);
  await locks.request('name', () => undefined);
  await locks.acquire('never released', { mode: 'shared', renew: false });
}
process.stdout.write(isMainThread ? 'main\n' : 'worker\n');
