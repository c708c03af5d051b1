/** `npm run bench`: how fast Holdfast is, beside the raw round trips and its peers, each figure a ratio. Exit status 0, or 64 for a bad command line. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bench } from './bench.ts';
import type { Result } from './bench.ts';
import { contendersOf } from './backends.ts';
import type { Contender } from './contender.ts';
import { parseBenchOptions, usage } from './options.ts';
import type { BenchOptions } from './options.ts';
import { svg } from './plot.ts';
import { markdown } from './report.ts';

const USAGE = 64;

let inProgress = '';

// Clients of locks keep no process alive by themselves, and while a round trip is under way there may be nothing else.
const alive = setInterval(() => undefined, 60_000);
process.exitCode = await main();
clearInterval(alive);
// What peers have left behind would keep it alive for as long as their locks; all is written by then.
process.stdout.write('', () => process.exit());

async function main(): Promise<number> {
  let options: BenchOptions;
  try {
    options = parseBenchOptions(process.argv.slice(2));
    await knowAll(options);
  } catch (error) {
    process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
    return USAGE;
  }
  const { backends, scenarios, contenders, output } = options;
  await mkdir(output, { recursive: true });
  const results: Result[] = [];
  const run = {
    ...options,
    takesPart: (contender: Contender) => contenders?.some((asked) => isCalled(contender, asked)) ?? true,
    onRound: progress,
    onTrouble: (what: string) => void process.stderr.write(`${what}\n`),
  };
  const onResult = async (result: Result): Promise<void> => {
    results.push(result);
    if (process.stderr.isTTY) process.stderr.write('\r\u001B[K');
    process.stdout.write(`${markdown([result])}\n`);
    await writeFile(join(output, `${result.backend}-${result.scenario.id}.svg`), svg(result));
    // Whoever ends the run has what was measured until then.
    await writeFile(join(output, 'results.json'), `${JSON.stringify(results, null, 1)}\n`);
    await writeFile(join(output, 'report.md'), `${markdown(results)}\n`);
  };
  for (const backend of backends) await bench(backend, scenarios, run, onResult);
  return 0;
}

/** Throws an `Error` with one line for people if a contender is asked for that none of the backends has. */
async function knowAll({ backends, contenders = [] }: BenchOptions): Promise<void> {
  const all = (await Promise.all(backends.map(contendersOf))).flat();
  const unknown = contenders.find((asked) => !all.some((contender) => isCalled(contender, asked)));
  if (unknown === undefined) return;
  const names = [...new Set(all.map(({ name }) => name))].join('; ');
  throw new Error(`Expected --contender to be out of ${names}; got ${unknown}\n${usage}`);
}

/** By its name, or by what of it stands before its version. */
function isCalled({ name }: Contender, asked: string): boolean {
  return name === asked || name.replace(/,? .*/, '') === asked;
}

/** In a terminal one line that changes; elsewhere one for each scenario. */
function progress(what: string, round: number, rounds: number): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001B[K${what}: round ${round} of ${rounds}`);
  else if (what !== inProgress) process.stderr.write(`${what}\n`);
  inProgress = what;
}
