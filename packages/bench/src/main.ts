/** `npm run bench`: how fast Holdfast is, beside the raw round trips and its peers, each figure a ratio. Exit status 0, or 64 for a bad command line. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bench } from './bench.ts';
import type { Result } from './bench.ts';
import { parseBenchOptions } from './options.ts';
import type { BenchOptions } from './options.ts';
import { svg } from './plot.ts';
import { markdown } from './report.ts';

const USAGE = 64;

process.exitCode = await main();

async function main(): Promise<number> {
  let options: BenchOptions;
  try {
    options = parseBenchOptions(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
    return USAGE;
  }
  await mkdir(options.output, { recursive: true });
  const results: Result[] = [];
  for (const backend of options.backends) {
    const onRound = (what: string, round: number): void => {
      if (process.stderr.isTTY) process.stderr.write(`\r${what}: ${round} of ${options.rounds} rounds   `);
    };
    const found = await bench(backend, options.scenarios, { ...options, onRound });
    results.push(...found);
    process.stdout.write(`${markdown(found)}\n`);
    for (const result of found)
      await writeFile(join(options.output, `${backend}-${result.scenario.id}.svg`), svg(result));
    await writeFile(join(options.output, 'results.json'), `${JSON.stringify(results, null, 1)}\n`);
    await writeFile(join(options.output, 'report.md'), `${markdown(results)}\n`);
  }
  return 0;
}
