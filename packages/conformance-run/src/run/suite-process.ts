import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { CaseResult } from '@holdfast/core/conformance';
import type { SuiteMessage, SuiteTask } from '../suite/protocol.ts';
import type { Outcome } from './trial.ts';

const ENTRY = fileURLToPath(new URL('../suite/main.js', import.meta.url));
const SHOWN_CHARACTERS = 4000;

/** Runs the suite in a process of its own. Always resolves: what goes wrong is an outcome. */
export async function runSuite(
  task: SuiteTask,
  onResult: (result: CaseResult) => void,
  signal: AbortSignal,
): Promise<Outcome> {
  if (signal.aborted) return { status: 'interrupted', results: [] };
  // `advanced` clones errors and bigints.
  const child = fork(ENTRY, [], { serialization: 'advanced', stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  const results: CaseResult[] = [];
  let last: Outcome | undefined;
  let printed = '';
  child.stderr?.on('data', (chunk: Buffer) => (printed = (printed + chunk.toString()).slice(-SHOWN_CHARACTERS)));
  child.on('message', (message) => {
    const said = message as SuiteMessage;
    if (said.type === 'result') {
      results.push(said.result);
      onResult(said.result);
    } else {
      last = ending(said);
    }
  });
  const stop = (): void => void child.kill('SIGKILL');
  signal.addEventListener('abort', stop, { once: true });
  const closed = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  // If it has ended already, its end tells more than this does.
  child.send(task, () => undefined);
  const [code, killedBy] = await closed;
  signal.removeEventListener('abort', stop);
  if (last !== undefined) return last;
  if (signal.aborted) return { status: 'interrupted', results };
  const reason = `The suite ended early with ${killedBy ?? `status ${code}`}: ${printed.trim()}`;
  return { status: 'broken-off', reason, results };
}

function ending(said: SuiteMessage & { type: 'report' | 'unopened' }): Outcome {
  if (said.type === 'report') return { status: 'completed', report: said.report };
  return { status: 'not-started', reason: said.reason };
}
