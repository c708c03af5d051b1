import type { CaseResult, ConformanceReport } from '@holdfast/core/conformance';
import type { Source } from '@holdfast/testbed';

/** The server that was tested. */
export interface ServerFacts {
  readonly version: string;
  readonly source: Source | 'embedded';
  /** Of a container. */
  readonly image?: string;
  /** The image only stands in for the one of that name. */
  readonly standIn?: boolean;
}

export type Outcome =
  | { readonly status: 'completed'; readonly report: ConformanceReport }
  /** The suite's process ended before the suite did; `results` is what it had until then. */
  | { readonly status: 'broken-off'; readonly reason: string; readonly results: readonly CaseResult[] }
  | { readonly status: 'not-started'; readonly reason: string }
  /** The run was interrupted before its turn or in the middle. */
  | { readonly status: 'interrupted'; readonly results: readonly CaseResult[] };

/** What became of one backend. */
export interface Trial {
  readonly backend: string;
  /** Absent if it could not be started. */
  readonly server?: ServerFacts;
  readonly outcome: Outcome;
  /** From the start of the server to its end. */
  readonly wallMs: number;
}

export type Verdict = 'conforms' | 'does not conform' | 'not started' | 'interrupted';

export function verdictOf({ outcome }: Trial): Verdict {
  switch (outcome.status) {
    case 'completed':
      return outcome.report.results.some(isFailure) ? 'does not conform' : 'conforms';
    case 'broken-off':
      return 'does not conform';
    case 'not-started':
      return 'not started';
    case 'interrupted':
      return outcome.results.some(isFailure) ? 'does not conform' : 'interrupted';
  }
}

export function resultsOf({ outcome }: Trial): readonly CaseResult[] {
  if (outcome.status === 'completed') return outcome.report.results;
  return outcome.status === 'not-started' ? [] : outcome.results;
}

export function isFailure({ outcome }: CaseResult): boolean {
  return outcome === 'failed';
}
