import { attemptsOf, isHeld } from '../history/attempts.ts';
import type { HistoryEvent, RegisterEntry } from '../history/events.ts';
import { faultsOf } from '../history/faults.ts';
import { checkExclusion } from './exclusion.ts';
import type { Excuse } from './excuses.ts';
import { checkFence } from './fence.ts';
import { checkErrors, checkLeftovers } from './leftovers.ts';
import { checkOrder } from './order.ts';
import { checkService } from './service.ts';
import { checkTokens } from './tokens.ts';
import { checkTold } from './told.ts';
import type { Case, Terms, Violation } from './violation.ts';

export interface Evidence {
  readonly terms: Terms;
  /** In the order of their times. */
  readonly events: readonly HistoryEvent[];
  readonly register: readonly RegisterEntry[];
  readonly leftovers: readonly string[];
}

export interface Counts {
  readonly operations: number;
  readonly grants: number;
  readonly losses: number;
  readonly lossesInTime: number;
  readonly excused: Readonly<Record<Excuse, number>>;
  readonly fencedAccepted: number;
  readonly fencedRefused: number;
  readonly unfencedCorrupted: number;
  readonly longestStallMs: number;
  readonly longestCalmStallMs: number;
}

export interface Judgement {
  /** The one with the shortest window first. */
  readonly violations: readonly Violation[];
  readonly counts: Counts;
}

/** Decides from what was written down, and from nothing else. */
export function check({ terms, events, register, leftovers }: Evidence): Judgement {
  const attempts = attemptsOf(events);
  const examined: Case = { terms, events, attempts, faults: faultsOf(events), register, leftovers };
  const exclusion = checkExclusion(examined);
  const fence = checkFence(examined);
  const told = checkTold(examined);
  const service = checkService(examined);
  const violations = [
    ...exclusion.violations,
    ...checkTokens(examined),
    ...fence.violations,
    ...told.violations,
    ...service.violations,
    ...checkOrder(examined),
    ...checkErrors(examined),
    ...checkLeftovers(examined),
  ];
  return {
    violations: violations.sort((a, b) => a.to - a.from - (b.to - b.from)),
    counts: {
      operations: attempts.length,
      grants: attempts.filter(isHeld).length,
      losses: told.losses,
      lossesInTime: told.inTime,
      excused: exclusion.excused,
      fencedAccepted: fence.accepted,
      fencedRefused: fence.refused,
      unfencedCorrupted: fence.corrupted,
      longestStallMs: service.longestStallMs,
      longestCalmStallMs: service.longestCalmStallMs,
    },
  };
}
