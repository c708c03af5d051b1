import type { Capabilities } from '@holdfast/core';
import type { Attempt } from '../history/attempts.ts';
import type { FaultWindow } from '../history/faults.ts';
import type { HistoryEvent, RegisterEntry } from '../history/events.ts';

export const rules = {
  exclusion: 'No two incompatible holds overlap',
  tokens: 'Tokens of a name strictly increase in grant order',
  fence: 'The fenced register accepts no stale write and loses none',
  service: 'After the faults, every waiting client is served in time',
  order: 'Who surely waits is granted before who asks later',
  told: 'A live holder knows by its deadline that its hold is over',
  alive: 'A grant is alive when it is handed over',
  errors: 'Every failure is one of the documented errors',
  leftovers: 'Nothing is left behind',
} as const;

export type Rule = keyof typeof rules;

export interface Violation {
  readonly rule: Rule;
  readonly message: string;
  /** The attempts that show it. */
  readonly ops: readonly string[];
  /** The shortest window of history that shows it, in µs. */
  readonly from: number;
  readonly to: number;
}

/** What the backend under torture promises, and what the run can bound. All in ms. */
export interface Terms {
  readonly takeover: Capabilities['takeover'];
  readonly fifo: boolean;
  /** A failover may forget what was granted just before: two may then hold until the first one knows. */
  readonly forgets?: boolean;
  /** The largest ttl of any request. */
  readonly ttlMs: number;
  readonly granularityMs: number;
  /** How late a busy machine may be. */
  readonly slackMs: number;
  /** The longest that a live client may wait once the faults are over. */
  readonly serveMs: number;
}

/** All that a rule may look at. */
export interface Case {
  readonly terms: Terms;
  readonly events: readonly HistoryEvent[];
  readonly attempts: readonly Attempt[];
  readonly faults: readonly FaultWindow[];
  readonly register: readonly RegisterEntry[];
  /** What was found when all was over, as sentences. */
  readonly leftovers: readonly string[];
}

export function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return groups;
}

export function groupByName<T extends { readonly name: string }>(items: readonly T[]): Map<string, T[]> {
  return groupBy(items, ({ name }) => name);
}
