/**
 * `npm run demo`: processes add to one shared counter, first without a lock, then each addition under `holdfast run`.
 * Exit status 1 when an update was lost under the lock.
 */
import { constants } from 'node:os';
import { parseArgs } from 'node:util';
import { demo } from './demo.ts';

const usage = 'npm run demo -- [--backend URL] [--processes 8] [--additions 5] [--output demo-output]';

const interruption = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => interruption.abort(signal));

try {
  const ok = await demo(options(), interruption.signal);
  process.exitCode = ok ? 0 : 1;
} catch (error) {
  if (interruption.signal.aborted)
    process.exitCode = 128 + constants.signals[interruption.signal.reason as NodeJS.Signals];
  else {
    process.stderr.write(`demo: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}

function options(): { backend: string | undefined; processes: number; additions: number; output: string } {
  const { values } = parseArgs({
    options: {
      backend: { type: 'string' },
      processes: { type: 'string', default: '8' },
      additions: { type: 'string', default: '5' },
      output: { type: 'string', default: 'demo-output' },
    },
  });
  return {
    ...values,
    backend: values.backend,
    processes: count('processes', values.processes),
    additions: count('additions', values.additions),
  };
}

function count(option: string, text: string): number {
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text);
  throw new Error(`Expected --${option} to be a whole number from 1 to 9999, got ${text}\n${usage}`);
}
