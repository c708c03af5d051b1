import type { Context } from './context.ts';
import type { Requirement } from './requirement.ts';

/** One behaviour that every backend owes, if its manifest has what the case requires. */
export interface ConformanceCase {
  /** Stable: `group/behaviour`. */
  readonly id: string;
  /** What a user notices, as a sentence. */
  readonly title: string;
  readonly requires: readonly Requirement[];
  /** Rejects, with what was expected and what was seen, when the backend behaves otherwise. */
  readonly run: (ctx: Context) => Promise<void>;
}
