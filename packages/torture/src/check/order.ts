import type { RequestMode } from '@holdfast/core';
import { isHeld, lifeOf } from '../history/attempts.ts';
import type { Attempt, Held } from '../history/attempts.ts';
import { touches } from '../history/faults.ts';
import { MICROS_PER_MS } from '../clock.ts';
import { compatible } from './exclusion.ts';
import { groupBy, groupByName } from './violation.ts';
import type { Case, Violation } from './violation.ts';

/**
 * Rule (e), of certain order alone: A surely waited in the queue before B was invoked, so A is granted first, which its token
 * tells. Requests that may hold together are granted together, in any order, as long as none of them is left behind.
 * Who waits beside another request of its own process may wait for that one, where a waiter costs a connection, and has no
 * place in the backend's queue yet; and who gives up leaves its place to the next of its process. A thief goes ahead of all;
 * who was thrown out of the queue, by a fault or by a theft from a grant that was still under way, entered it anew.
 */
export function checkOrder(examined: Case): Violation[] {
  if (!examined.terms.fifo) return [];
  return [...groupByName(examined.attempts).values()].flatMap((attempts) => orderOf(attempts, examined));
}

function orderOf(attempts: readonly Attempt[], examined: Case): Violation[] {
  const slack = examined.terms.slackMs * MICROS_PER_MS;
  const thieves = attempts.filter(({ steal }) => steal);
  const byLife = groupBy(attempts, lifeOf);
  const violations: Violation[] = [];
  /** Among those with greater tokens than the present one: of each mode the first that queued, and all that waited long. */
  const first = new Map<RequestMode, Held>();
  const patient: Held[] = [];
  for (const held of attempts.filter(isHeld).sort(byTokenDown)) {
    const rivals = [...first.values()].filter((waiting) => !compatible(waiting, held));
    const leftBehind = patient.filter(({ hold }) => hold.from - held.hold.from > slack);
    const since = placeOf(held, byLife.get(lifeOf(held)) ?? []);
    const overtakenOne = [...rivals, ...leftBehind].find(({ queuedAt = Infinity }) => queuedAt < since);
    if (overtakenOne !== undefined && !held.steal) violations.push(overtaken(overtakenOne, held));
    if (held.queuedAt === undefined || held.steal || disturbed(examined, thieves, held)) continue;
    if (byLife.get(lifeOf(held))?.some((other) => other !== held && isOpen(other, held.invokedAt, held.queuedAt)))
      continue;
    if (held.hold.from - held.queuedAt > slack) patient.push(held);
    if (held.queuedAt < (first.get(held.mode)?.queuedAt ?? Infinity)) first.set(held.mode, held);
  }
  return violations;
}

/** Since when it may have a place: its own, or one that was left by who waited before it in its process, and in vain. */
function placeOf(held: Held, ofProcess: readonly Attempt[]): number {
  let since = held.invokedAt;
  const before = ({ mode, hold, wait, invokedAt, answeredAt = Infinity }: Attempt): boolean =>
    mode === held.mode && hold === undefined && wait && invokedAt < since && answeredAt > since;
  for (let other = ofProcess.find(before); other !== undefined; other = ofProcess.find(before)) since = other.invokedAt;
  return since;
}

/** Between `from` and `to` it waits or holds. */
function isOpen(attempt: Attempt, from: number, to = from): boolean {
  const until = attempt.hold?.until ?? attempt.answeredAt ?? Infinity;
  return attempt.invokedAt < to && until > from;
}

function byTokenDown(a: Held, b: Held): number {
  if (a.hold.token === b.hold.token) return 0;
  return a.hold.token < b.hold.token ? 1 : -1;
}

/** Some time after a fault a client may still find its connection dead, and its place in the queue with it. */
function disturbed({ faults, terms }: Case, thieves: readonly Attempt[], held: Held): boolean {
  const { client, invokedAt, hold } = held;
  const tail = (terms.ttlMs + terms.granularityMs + terms.slackMs) * MICROS_PER_MS;
  const robbed = thieves.some((thief) => thief.invokedAt < hold.from && (thief.answeredAt ?? Infinity) > invokedAt);
  return (
    robbed ||
    faults.some(
      (fault) =>
        fault.kind !== 'client-kill' &&
        fault.kind !== 'client-clock' &&
        touches(fault, client) &&
        fault.from < hold.from &&
        fault.until + tail > invokedAt,
    )
  );
}

function overtaken(waiting: Held, later: Held): Violation {
  return {
    rule: 'order',
    message: `${JSON.stringify(later.name)}: ${later.op} (token ${later.hold.token}) was granted before ${waiting.op} (token ${waiting.hold.token}), which waited already when it asked`,
    ops: [waiting.op, later.op],
    from: waiting.queuedAt ?? waiting.invokedAt,
    to: Math.max(waiting.hold.from, later.hold.from),
  };
}
