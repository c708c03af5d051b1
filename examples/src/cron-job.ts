/**
 * A cron job that is started on every node and runs on one of them per tick.
 *
 *     node dist/cron-job.js NODE…      one node in this process, or several
 *
 * Each node waits for the lock, then does the ticks that are due and not in the journal yet. So a job that is quicker than the difference of
 * two clocks does not run twice, and the tick of a node that dies in the middle is done by the next.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { createLocks } from '@holdfast/core';
import type { Lock } from '@holdfast/core';
import { append, lastTick } from './journal.ts';

const { HOLDFAST_URL = 'file:./locks', LOCK_TTL_MS = '30000', JOB = 'report', JOURNAL = 'journal.txt' } = process.env;
const { CRON_EVERY_MS = '60000', JOB_MS = '1000' } = process.env;
const every = Number(CRON_EVERY_MS);

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());

await using locks = await createLocks({ backend: HOLDFAST_URL, ttl: Number(LOCK_TTL_MS) });
if (locks.capabilities.reach === 'process') {
  console.error(`${locks.backend} locks end at this process: nodes in other processes would run the job too`);
}
await Promise.all(process.argv.slice(2).map(runNode));

async function runNode(node: string): Promise<void> {
  console.log(`${node} runs cron:${JOB}`);
  while (await nextTick()) {
    try {
      // SIGTERM ends the wait; a job that is running is let finish.
      await locks.request(`cron:${JOB}`, { signal: stop.signal }, (lock) => runDue(node, lock));
    } catch (error) {
      if (stop.signal.aborted) return;
      // The job failed, the lock was lost, or the backend is away: another node has its chance, and this one at the next tick.
      console.error(`${node}:`, error);
    }
  }
}

async function runDue(node: string, lock: Lock): Promise<void> {
  const due = Math.floor(Date.now() / every);
  for (let tick = ((await lastTick(JOURNAL)) ?? due - 1) + 1; tick <= due && !stop.signal.aborted; tick += 1) {
    console.log(`${node} starts ${tick}`);
    await delay(Number(JOB_MS), undefined, { signal: lock.signal }); // the job: it ends at once when the lock is lost
    await append(JOURNAL, { token: lock.fencingToken, tick, node });
    console.log(`${node} finished ${tick}`);
  }
}

/** Whether it has come; else we are to stop. */
async function nextTick(): Promise<boolean> {
  await delay(every - (Date.now() % every), undefined, { signal: stop.signal }).catch(() => undefined);
  return !stop.signal.aborted;
}
