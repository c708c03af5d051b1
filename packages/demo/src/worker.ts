/**
 * One of the processes that share the counter: adds to it again and again, each time by a process of its own, under
 * `holdfast run` if it is given a lock. `node worker.js NUMBER ADDITIONS FILE [NAME URL]`; a line of JSON per addition on stdout.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

const [, , number = '', additions = '', file = '', name, url] = process.argv;
const holdfast = join(
  dirname(createRequire(import.meta.url).resolve('@holdfast/cli/package.json')),
  'bin',
  'holdfast.js',
);
const addition = [fileURLToPath(new URL('addition.js', import.meta.url)), file];

let current: ChildProcess | undefined;
let stopped = false;
function stop(): void {
  stopped = true;
  current?.kill('SIGTERM');
}
process.on('SIGINT', stop);
process.on('SIGTERM', stop);
// Whoever started us is gone.
process.stdin.on('end', stop).resume();

process.exit(await work());

async function work(): Promise<number> {
  for (let round = 0; round < Number(additions); round += 1) {
    if (stopped) return 1;
    const startedAt = Date.now();
    const { status, output } = await run(command());
    if (status !== 0) return status;
    process.stdout.write(
      `${JSON.stringify({ worker: Number(number), startedAt, ...(JSON.parse(output) as object) })}\n`,
    );
  }
  return 0;
}

function command(): string[] {
  if (name === undefined || url === undefined) return addition;
  return [holdfast, 'run', name, '--backend', url, '--', process.execPath, ...addition];
}

async function run(args: readonly string[]): Promise<{ status: number; output: string }> {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  current = child;
  const [output, status] = await Promise.all([
    text(child.stdout),
    new Promise<number>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => resolve(code ?? 1));
    }),
  ]);
  current = undefined;
  return { status, output };
}
