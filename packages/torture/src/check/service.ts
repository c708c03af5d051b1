import { deathsOf, isHeld, lifeOf } from '../history/attempts.ts';
import type { Attempt } from '../history/attempts.ts';
import type { FaultWindow } from '../history/faults.ts';
import { MICROS_PER_MS } from '../clock.ts';
import { stalls } from './stalls.ts';
import type { Interval } from './stalls.ts';
import { groupByName } from './violation.ts';
import type { Case, Violation } from './violation.ts';

export interface Service {
  readonly violations: readonly Violation[];
  /** The longest that somebody waited for a name which nobody held, in ms: at any time, and after the faults. */
  readonly longestStallMs: number;
  readonly longestCalmStallMs: number;
}

/** Rule (d): once the faults are over, no name stalls for longer than a takeover takes, and every wait comes to an answer. */
export function checkService(examined: Case): Service {
  const { events, attempts, terms } = examined;
  const end = events.at(-1)?.t ?? 0;
  const calm = events.find(({ type }) => type === 'calm')?.t ?? end;
  const bound = (terms.ttlMs + terms.granularityMs + terms.slackMs) * MICROS_PER_MS;
  const violations: Violation[] = [];
  let longest = 0;
  let longestCalm = 0;
  for (const [name, own] of groupByName(attempts)) {
    for (const stall of stallsOf(own, examined, end)) {
      longest = Math.max(longest, stall.to - stall.from);
      const inCalm = stall.to - Math.max(stall.from, calm);
      longestCalm = Math.max(longestCalm, inCalm);
      if (inCalm > bound) violations.push(stalled(name, own, stall));
    }
  }
  violations.push(...unserved(examined, calm, end));
  return {
    violations,
    longestStallMs: longest / MICROS_PER_MS,
    longestCalmStallMs: Math.max(longestCalm, 0) / MICROS_PER_MS,
  };
}

function stallsOf(attempts: readonly Attempt[], { events, faults }: Case, end: number): Interval[] {
  const deaths = deathsOf(events);
  const waits = attempts
    .filter(({ wait }) => wait)
    .flatMap((attempt) => {
      const to = Math.min(attempt.answeredAt ?? end, deaths.get(lifeOf(attempt)) ?? Infinity);
      // Nobody can hand a lock to a client that is frozen.
      return awake({ from: attempt.invokedAt, to }, attempt.client, faults);
    });
  const holds = attempts.filter(isHeld).map(({ hold }) => ({ from: hold.from, to: hold.until }));
  return stalls(waits, holds);
}

function awake(wait: Interval, client: number, faults: readonly FaultWindow[]): Interval[] {
  let { from } = wait;
  const parts: Interval[] = [];
  for (const fault of faults) {
    if (fault.kind !== 'client-freeze' || fault.client !== client || fault.from >= wait.to || fault.until <= from)
      continue;
    if (fault.from > from) parts.push({ from, to: fault.from });
    from = fault.until;
  }
  if (from < wait.to) parts.push({ from, to: wait.to });
  return parts;
}

function stalled(name: string, attempts: readonly Attempt[], { from, to }: Interval): Violation {
  const waiting = attempts.filter(
    (attempt) => attempt.wait && attempt.invokedAt < to && (attempt.answeredAt ?? Infinity) > from,
  );
  const seconds = ((to - from) / MICROS_PER_MS / 1000).toFixed(1);
  const message = `${JSON.stringify(name)}: nobody held it for ${seconds} s while ${waiting.length} waited`;
  return { rule: 'service', message, ops: waiting.map(({ op }) => op), from, to };
}

/** Waits that were open when the faults ended, or began later. */
function unserved({ events, attempts, terms }: Case, calm: number, end: number): Violation[] {
  const deaths = deathsOf(events);
  return attempts.flatMap((attempt) => {
    const { op, name, invokedAt, answeredAt } = attempt;
    if (deaths.has(lifeOf(attempt)) || (answeredAt ?? Infinity) < calm) return [];
    const from = Math.max(calm, invokedAt);
    const waited = (answeredAt ?? end) - from;
    if (answeredAt !== undefined && waited <= terms.serveMs * MICROS_PER_MS) return [];
    const how = answeredAt === undefined ? 'was never answered' : 'waited';
    const message = `${JSON.stringify(name)}: ${op} ${how} (${Math.round(waited / MICROS_PER_MS)} ms after the faults)`;
    return [{ rule: 'service' as const, message, ops: [op], from, to: from + waited }];
  });
}
