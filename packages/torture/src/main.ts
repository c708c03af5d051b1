/**
 * `npm run torture`: puts backends through faults and checks what clients saw. Exit status 0 when no rule was broken, 1 when
 * one was, 3 when none was but no run was hard enough to show it, 64 for a bad command line.
 */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname, release, type } from 'node:os';
import { join } from 'node:path';
import { redactUrl } from '@holdfast/core';
import { parseTortureOptions } from './options.ts';
import type { TortureOptions } from './options.ts';
import { reportHtml } from './report/html.ts';
import { eventLine, reportMarkdown } from './report/markdown.ts';
import type { Chapter } from './report/markdown.ts';
import { Progress } from './report/progress.ts';
import { chapterOf } from './run/chapter.ts';
import { printPlan } from './run/plan.ts';
import { torture } from './run/torture.ts';

const EXIT = { passed: 0, violated: 1, unproved: 3, usage: 64 } as const;

const interruption = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => interruption.abort());

process.exitCode = await main();

async function main(): Promise<number> {
  let options: TortureOptions;
  try {
    options = parseTortureOptions(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`torture: ${error instanceof Error ? error.message : String(error)}\n`);
    return EXIT.usage;
  }
  if (options.plan) {
    await printPlan(options, process.stdout);
    return EXIT.passed;
  }
  return await tortureAll(options);
}

async function tortureAll(options: TortureOptions): Promise<number> {
  await mkdir(options.output, { recursive: true });
  const chapters: Chapter[] = [];
  for (const [index, backend] of options.backends.entries()) {
    if (interruption.signal.aborted) break;
    const chapter = await tortureOne(backend, index, options);
    chapters.push(chapter);
    print(chapter);
    // After each: what is known survives an interruption.
    await writeReports(options, chapters);
  }
  process.stdout.write(`Report: ${join(options.output, 'report.md')} and report.html\n`);
  const verdicts = new Set(chapters.map(({ verdict }) => verdict));
  return verdicts.has('violated') ? EXIT.violated : verdicts.has('unproved') ? EXIT.unproved : EXIT.passed;
}

async function writeReports(options: TortureOptions, chapters: readonly Chapter[]): Promise<void> {
  const head = headOf(options);
  const drawn = chapters.map(async (chapter) => ({
    ...chapter,
    svg: await readFile(join(options.output, chapter.picture), 'utf8'),
  }));
  await writeFile(join(options.output, 'report.md'), reportMarkdown(head, chapters));
  await writeFile(join(options.output, 'report.html'), reportHtml(head, await Promise.all(drawn)));
}

async function tortureOne(backend: string, index: number, options: TortureOptions): Promise<Chapter> {
  const title = /:/.test(backend) ? redactUrl(backend) : backend;
  const directory = join(options.output, /:/.test(backend) ? `url-${index + 1}` : backend);
  await rm(directory, { recursive: true, force: true });
  const progress = new Progress(process.stdout, title);
  try {
    const ordeal = await torture({
      ...options,
      backend,
      directory,
      signal: interruption.signal,
      onFault: (fault) => progress.fault(fault),
      onProgress: (counts) => progress.counts(counts),
    });
    return await chapterOf(title, ordeal, directory, options.keep);
  } finally {
    progress.end();
  }
}

function print({ backend, version, verdict, judgement: { counts }, windows }: Chapter): void {
  const lines = [
    `${backend} (${version}): ${verdict}. ${counts.operations} operations, ${counts.grants} grants, ${counts.losses} losses (${counts.lossesInTime} known in time), ` +
      `longest stall ${Math.round(counts.longestStallMs)} ms, after the faults ${Math.round(counts.longestCalmStallMs)} ms; ` +
      `${counts.excused.failover} overlaps by a failover that forgot a grant; ${counts.fencedRefused} stale accesses refused, ${counts.unfencedCorrupted} unfenced writes lost`,
    ...windows.map(({ violation: { rule, message }, count }) => `  ${rule} (${count}): ${message}`),
  ];
  const [shortest] = windows;
  if (shortest !== undefined) {
    lines.push(`  The shortest window, of ${shortest.violation.rule}, in ms:`);
    for (const event of shortest.events) lines.push(`    ${eventLine(event, shortest.violation.from)}`);
  }
  process.stdout.write(`${lines.join('\n')}\n`);
}

function headOf({ seed, durationMs, clients }: TortureOptions): Parameters<typeof reportMarkdown>[0] {
  return {
    seed,
    durationMs,
    clients,
    node: process.version,
    host: `${type()} ${release()} (${hostname()})`,
    date: new Date().toISOString(),
  };
}
