import type { Capabilities } from '../contract.ts';
import { cases } from './cases/index.ts';
import type { ConformanceCase } from './case.ts';
import { manifestOf, planned, runPlanned } from './run-case.ts';
import type { Requirement } from './requirement.ts';
import type { Subject } from './subject.ts';

export interface CaseResult {
  readonly id: string;
  readonly title: string;
  /** `refused`: the manifest lacks what the case requires, and the backend refuses it with `UnsupportedError`, as it must. */
  readonly outcome: 'passed' | 'failed' | 'refused';
  readonly durationMs: number;
  /** Why it failed. */
  readonly error?: Error;
}

export interface ConformanceReport {
  readonly subject: string;
  readonly manifest: Capabilities;
  readonly results: readonly CaseResult[];
  /** Cases about a property that the manifest does not claim, such as the order of grants: there is nothing to refuse. */
  readonly absent: readonly { readonly id: string; readonly lacks: readonly Requirement[] }[];
}

export interface RunOptions {
  /** Called with each result as it comes. */
  readonly onResult?: (result: CaseResult) => void;
  /** Default: all of them. */
  readonly cases?: readonly ConformanceCase[];
}

/** Runs the suite, one case after the other. Rejects only when the subject can't be opened at all. */
export async function runConformance(subject: Subject, options: RunOptions = {}): Promise<ConformanceReport> {
  const manifest = await manifestOf(subject);
  const plans = (options.cases ?? cases).map((testCase) => planned(testCase, manifest));
  const results: CaseResult[] = [];
  for (const plan of plans.filter(({ plan }) => plan !== 'absent')) {
    const { id, title } = plan.case;
    const startedAt = performance.now();
    const failure = await runPlanned(plan, subject, manifest).then(() => undefined, toError);
    const outcome = failure !== undefined ? 'failed' : plan.plan === 'run' ? 'passed' : 'refused';
    const durationMs = performance.now() - startedAt;
    const result: CaseResult = { id, title, outcome, durationMs, ...(failure === undefined ? {} : { error: failure }) };
    results.push(result);
    options.onResult?.(result);
  }
  const absent = plans.filter(({ plan }) => plan === 'absent').map(({ case: { id }, lacks }) => ({ id, lacks }));
  return { subject: subject.name, manifest, results, absent };
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
