/**
 * `npm run conformance`: the published suite against every backend, and a matrix of what came of it. Exit status 0 when all
 * conform, 1 when a case failed, 69 when none failed but a backend could not be started, 64 for a bad command line.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { constants } from 'node:os';
import { join } from 'node:path';
import { parseRunOptions } from './options.ts';
import type { RunOptions } from './options.ts';
import { reportHtml } from './report/html.ts';
import { reportJson } from './report/json.ts';
import { reportMarkdown } from './report/markdown.ts';
import { Progress } from './report/progress.ts';
import { isOverloaded, thisMachine } from './report/run-report.ts';
import type { RunReport } from './report/run-report.ts';
import { failuresText, matrixText, placesText } from './report/terminal.ts';
import { conform } from './run/conform.ts';
import { verdictOf } from './run/trial.ts';
import { memoryBudget, Turns } from './run/turns.ts';

const EXIT = { conform: 0, failed: 1, usage: 64, unavailable: 69 } as const;
const WIDTH_OF_A_FILE = 120;
const BUSY =
  'This machine is very busy: a case that measures time may fail for that alone. Run those that failed once more with --cases.';

process.exitCode = await main();

async function main(): Promise<number> {
  let options: RunOptions;
  try {
    options = parseRunOptions(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`conformance: ${error instanceof Error ? error.message : String(error)}\n`);
    return EXIT.usage;
  }
  const interruption = new AbortController();
  let interruptedBy: NodeJS.Signals | undefined;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      interruptedBy = signal;
      interruption.abort();
    });
  }
  const report = await runAll(options, interruption.signal);
  await write(options.output, report);
  print(report, options.output);
  return interruptedBy === undefined ? statusOf(report) : 128 + constants.signals[interruptedBy];
}

async function runAll({ backends, via, cases, atOnce }: RunOptions, signal: AbortSignal): Promise<RunReport> {
  const startedAt = new Date();
  const since = performance.now();
  const turns = new Turns(atOnce, memoryBudget());
  const progress = new Progress(
    process.stdout,
    backends.map(({ name }) => name),
    cases,
  );
  try {
    const trials = await Promise.all(
      backends.map((backend) =>
        turns.run(backend.footprintMiB, async () => {
          const trial = await conform(backend, { via, cases, watcher: progress, signal });
          progress.ended(trial);
          return trial;
        }),
      ),
    );
    return { startedAt, wallMs: performance.now() - since, via, atOnce, machine: thisMachine(), cases, trials };
  } finally {
    progress.close();
  }
}

async function write(output: string, report: RunReport): Promise<void> {
  await mkdir(output, { recursive: true });
  await Promise.all([
    writeFile(join(output, 'report.json'), reportJson(report)),
    writeFile(join(output, 'report.md'), reportMarkdown(report)),
    writeFile(join(output, 'report.html'), reportHtml(report)),
  ]);
}

function print(report: RunReport, output: string): void {
  const width = process.stdout.isTTY ? process.stdout.columns : WIDTH_OF_A_FILE;
  const parts = [
    matrixText(report, width),
    failuresText(report),
    ...(statusOf(report) === EXIT.failed && isOverloaded() ? [BUSY] : []),
    `Reports: ${['report.html', 'report.md', 'report.json'].map((name) => join(output, name)).join(', ')}`,
    placesText(report),
  ];
  process.stdout.write(`\n${parts.filter((part) => part !== '').join('\n\n')}\n`);
}

function statusOf({ trials }: RunReport): number {
  const verdicts = new Set(trials.map(verdictOf));
  if (verdicts.has('does not conform')) return EXIT.failed;
  return verdicts.has('not started') ? EXIT.unavailable : EXIT.conform;
}
