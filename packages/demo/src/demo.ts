import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { redactUrl } from '@holdfast/core';
import { mostAtOnce, strictlyIncrease, tokensInOrder } from './addition-record.ts';
import type { Addition } from './addition-record.ts';
import { Crew } from './crew.ts';
import type { Job } from './crew.ts';
import { Progress } from './progress.ts';
import { timelineSvg } from './timeline-svg.ts';
import { timelineText } from './timeline-text.ts';

export interface DemoOptions {
  /** Default: the `file:` backend in a directory of its own. */
  readonly backend: string | undefined;
  readonly processes: number;
  /** Of each process. */
  readonly additions: number;
  /** Directory for the picture. */
  readonly output: string;
}

interface Part {
  readonly additions: readonly Addition[];
  readonly counter: number;
}

/** Resolves with whether the lock kept its promise. Leaves no process and no temporary file, also when it is interrupted. */
export async function demo(options: DemoOptions, interruption: AbortSignal): Promise<boolean> {
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-demo-'));
  try {
    const { processes, additions } = options;
    say(
      `${processes} processes add to one shared counter, ${additions} times each: read it, think for a moment, write it back.\n`,
    );
    const file = join(directory, 'counter');
    const free = await part('without a lock    ', { processes, additions, file }, interruption);
    say(`\n${verdict(free)}\n\n${picture(free, processes)}\n`);

    const url = options.backend ?? pathToFileURL(join(directory, 'locks')).href;
    const lock = { name: `holdfast-demo-${randomBytes(6).toString('hex')}`, url };
    const locked = await part('under holdfast run', { processes, additions, file, lock }, interruption);
    say(`\n${verdict(locked)}\n\n${picture(locked, processes)}\n`);

    const tokens = tokensInOrder(locked.additions);
    const growing = tokens.length === processes * additions && strictlyIncrease(tokens);
    say(
      `Fencing tokens in the order of entry, from ${tokens.at(0)} to ${tokens.at(-1)}: ${growing ? 'each greater than the one before' : 'NOT in order'}.`,
    );
    say(`The picture: ${await draw(options, free, locked)}`);
    return growing && lost(locked) === 0 && mostAtOnce(locked.additions) === 1;
  } finally {
    await rm(directory, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function part(title: string, job: Omit<Job, 'onAddition'>, interruption: AbortSignal): Promise<Part> {
  await writeFile(job.file, '0');
  // No await from here until somebody listens: an interruption is seen now or stops the crew.
  interruption.throwIfAborted();
  const additions: Addition[] = [];
  const progress = new Progress(title, job.processes * job.additions);
  const onAddition = (addition: Addition): void => {
    additions.push(addition);
    progress.step(`counter ${addition.value}`);
  };
  const crew = new Crew({ ...job, onAddition });
  const stop = (): void => void crew.stop();
  interruption.addEventListener('abort', stop);
  try {
    await crew.finish();
  } finally {
    interruption.removeEventListener('abort', stop);
  }
  return { additions, counter: Number(await readFile(job.file, 'utf8')) };
}

function lost({ additions, counter }: Part): number {
  return additions.length - counter;
}

function verdict(part: Part): string {
  const missing = lost(part);
  const outcome = missing === 0 ? 'none was lost' : `${missing} ${missing === 1 ? 'was' : 'were'} LOST`;
  const most = mostAtOnce(part.additions);
  return `${part.additions.length} additions, the counter stands at ${part.counter}: ${outcome}. At most ${most} inside at once.`;
}

function picture({ additions }: Part, processes: number): string {
  const columns = Math.min(process.stdout.columns ?? 100, 120);
  // `hasColors` knows NO_COLOR and FORCE_COLOR.
  const coloured = process.stdout.isTTY && process.stdout.hasColors(256);
  return timelineText(additions, processes, columns, coloured);
}

async function draw({ output, backend, processes }: DemoOptions, free: Part, locked: Part): Promise<string> {
  const where = backend === undefined ? 'on the embedded file backend' : `on ${redactUrl(backend)}`;
  const panels = [
    { title: 'Without a lock', subtitle: verdict(free), additions: free.additions },
    { title: `Each addition under holdfast run, ${where}`, subtitle: verdict(locked), additions: locked.additions },
  ];
  await mkdir(output, { recursive: true });
  const path = join(output, 'timeline.svg');
  await writeFile(path, timelineSvg(panels, processes));
  return relative('', path);
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
