import type { ConformanceCase } from '@holdfast/core/conformance';
import { resultsOf } from '../run/trial.ts';
import type { Trial } from '../run/trial.ts';
import type { RunReport } from './run-report.ts';

/** What became of one case on one backend. */
export type Cell =
  | { readonly state: 'passed'; readonly ms: number }
  | { readonly state: 'failed'; readonly ms: number; readonly message: string }
  /** The manifest lacks what the case requires, and the backend refused it, as it must. */
  | { readonly state: 'refused'; readonly requires: string }
  /** There is nothing to refuse: the manifest does not claim `lacks`. */
  | { readonly state: 'left-out'; readonly lacks: string }
  | { readonly state: 'not-run'; readonly why: string };

export type State = Cell['state'];

/** The first part of the ids of its cases. */
export interface Section {
  readonly name: string;
  readonly cases: readonly ConformanceCase[];
}

/** In the order of the suite. */
export function sectionsOf(cases: readonly ConformanceCase[]): readonly Section[] {
  return [...new Set(cases.map(sectionOf))].map((name) => ({
    name,
    cases: cases.filter((testCase) => sectionOf(testCase) === name),
  }));
}

export function sectionOf({ id }: { readonly id: string }): string {
  return id.split('/')[0] ?? id;
}

export function cellOf(trial: Trial, { id, requires }: ConformanceCase): Cell {
  const result = resultsOf(trial).find((candidate) => candidate.id === id);
  switch (result?.outcome) {
    case 'passed':
      return { state: 'passed', ms: result.durationMs };
    case 'failed':
      return { state: 'failed', ms: result.durationMs, message: result.error?.message ?? 'no reason given' };
    case 'refused':
      return { state: 'refused', requires: requires.join(', ') };
    case undefined:
      return notRun(trial, id);
  }
}

function notRun({ outcome }: Trial, id: string): Cell {
  switch (outcome.status) {
    case 'completed': {
      const lacks = outcome.report.absent.find((absent) => absent.id === id)?.lacks ?? [];
      return { state: 'left-out', lacks: lacks.join(', ') };
    }
    case 'interrupted':
      return { state: 'not-run', why: 'the run was interrupted' };
    default:
      return { state: 'not-run', why: outcome.reason };
  }
}

export type Counts = Readonly<Record<State, number>>;

export function countsOf(trial: Trial, cases: readonly ConformanceCase[]): Counts {
  const counts = { passed: 0, failed: 0, refused: 0, 'left-out': 0, 'not-run': 0 };
  for (const testCase of cases) counts[cellOf(trial, testCase).state] += 1;
  return counts;
}

export interface Failure {
  readonly backend: string;
  readonly id: string;
  readonly title: string;
  readonly message: string;
}

export function failuresOf({ trials, cases }: RunReport): Failure[] {
  return trials.flatMap((trial) =>
    cases.flatMap((testCase) => {
      const cell = cellOf(trial, testCase);
      const { id, title } = testCase;
      return cell.state === 'failed' ? [{ backend: trial.backend, id, title, message: cell.message }] : [];
    }),
  );
}

/** Why a backend has no result, or not all of them. */
export function troubleOf({ outcome }: Trial): string | undefined {
  return outcome.status === 'not-started' || outcome.status === 'broken-off' ? outcome.reason : undefined;
}

/** `passed 120, refused 3, left out 5`, and what there is none of is not named. */
export function countsInWords(counts: Counts): string {
  const words: Readonly<Record<State, string>> = {
    passed: 'passed',
    failed: 'failed',
    refused: 'refused',
    'left-out': 'left out',
    'not-run': 'not run',
  };
  const parts = (Object.keys(words) as State[]).filter((state) => counts[state] > 0);
  return parts.map((state) => `${counts[state]} ${words[state]}`).join(', ');
}

export function seconds(ms: number): string {
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const whole = Math.round(ms / 1000);
  return `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

export function serverOf({ server }: Trial): string {
  if (server === undefined) return 'none';
  return server.standIn === true ? `${server.version} (stand-in image)` : server.version;
}
