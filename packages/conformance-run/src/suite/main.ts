/**
 * The suite on one backend, in a process of its own: two in one event loop would be late for each other, and a client that
 * throws where nobody catches it would end them all.
 */
import { cases, runConformance } from '@holdfast/core/conformance';
import { createLocks } from '@holdfast/core';
import type { SuiteMessage, SuiteTask } from './protocol.ts';
import { subjectFor } from './subject.ts';

process.once('message', (task) => void run(task as SuiteTask).finally(() => process.disconnect()));
// It never outlives who started it.
process.once('disconnect', () => process.exit());

async function run({ subject, cases: ids }: SuiteTask): Promise<void> {
  try {
    if (subject.kind === 'url') await assertReachable(subject.url);
    const report = await runConformance(await subjectFor(subject), {
      cases: cases.filter(({ id }) => ids.includes(id)),
      onResult: (result) => void say({ type: 'result', result }),
    });
    await say({ type: 'report', report });
  } catch (error) {
    await say({ type: 'unopened', reason: error instanceof Error ? error.message : String(error) });
  }
}

/** Else every case would fail for the same reason, one after the other. */
async function assertReachable(url: string): Promise<void> {
  await using locks = await createLocks(url);
  await locks.diagnose();
}

function say(message: SuiteMessage): Promise<void> {
  return new Promise((resolve) => {
    // Who started us may go at any moment: then there is nobody left to tell.
    if (process.send === undefined || !process.connected) resolve();
    else process.send(message, undefined, undefined, () => resolve());
  });
}
