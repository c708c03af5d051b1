import type { Address, CaseResult, ConformanceReport } from '@holdfast/core/conformance';

/** What a suite process is told to do. */
export interface SuiteTask {
  readonly subject: SubjectSpec;
  /** The ids of the cases to run. */
  readonly cases: readonly string[];
}

export type SubjectSpec =
  | { readonly kind: 'memory' }
  | { readonly kind: 'url'; readonly url: string }
  /** `server`: where the backend at `url` leads to; its option `natMap` leads elsewhere. */
  | { readonly kind: 'mapped'; readonly url: string; readonly server: Address }
  | { readonly kind: 'module'; readonly url: string };

/** What it says; `report` is the last. Errors are cloned with their message and stack. */
export type SuiteMessage =
  | { readonly type: 'result'; readonly result: CaseResult }
  | { readonly type: 'report'; readonly report: ConformanceReport }
  | { readonly type: 'unopened'; readonly reason: string };
