import { deathsOf, isHeld, lifeOf } from '../history/attempts.ts';
import type { Held } from '../history/attempts.ts';
import { MICROS_PER_MS } from '../clock.ts';
import type { Case, Violation } from './violation.ts';

export interface Told {
  readonly violations: readonly Violation[];
  readonly losses: number;
  /** Losses that the holder knew of by its deadline, or as soon as the machine let its timer run. */
  readonly inTime: number;
}

/** Losses are known in time, and no hold is over on arrival. Who was frozen could not know. */
export function checkTold(examined: Case): Told {
  const deaths = deathsOf(examined.events);
  const end = examined.events.at(-1)?.t ?? 0;
  const slack = examined.terms.slackMs * MICROS_PER_MS;
  const holds = examined.attempts.filter(isHeld);
  const violations: Violation[] = [];
  for (const held of holds) {
    const { hold } = held;
    if (hold.deadline <= hold.from && !frozenWithin(examined, held, held.invokedAt, hold.from))
      violations.push(broken(held, 'alive', 'was over when it was handed over', hold.from));
    const by = hold.deadline + slack;
    const seenUntil = Math.min(end, deaths.get(lifeOf(held)) ?? Infinity, hold.toldAt ?? Infinity);
    if (seenUntil > by && !frozenWithin(examined, held, hold.from, by))
      violations.push(broken(held, 'told', 'went on beyond its deadline unknown to its holder', seenUntil));
  }
  const lost = holds.filter(({ hold }) => hold.lostAt !== undefined);
  const inTime = lost.filter(({ hold }) => (hold.lostAt ?? 0) <= hold.deadline + TIMER_MICROS);
  return { violations, losses: lost.length, inTime: inTime.length };
}

/** What a timer may be late on a busy machine and still count as in time. */
const TIMER_MICROS = 50 * MICROS_PER_MS;

function frozenWithin({ faults, terms }: Case, { client }: Held, from: number, to: number): boolean {
  return faults.some(
    (fault) =>
      fault.kind === 'client-freeze' &&
      fault.client === client &&
      fault.from < to &&
      fault.until + terms.slackMs * MICROS_PER_MS > from,
  );
}

function broken({ name, op, hold }: Held, rule: 'alive' | 'told', how: string, to: number): Violation {
  return {
    rule,
    message: `${JSON.stringify(name)}: ${op} (token ${hold.token}) ${how}`,
    ops: [op],
    from: hold.from,
    to,
  };
}
