import { isHeld } from '../history/attempts.ts';
import type { Held } from '../history/attempts.ts';
import { Excuses } from './excuses.ts';
import type { Excuse } from './excuses.ts';
import { groupByName } from './violation.ts';
import type { Case, Violation } from './violation.ts';

export interface Exclusion {
  readonly violations: readonly Violation[];
  /** Overlaps that the manifest allows for, by reason. */
  readonly excused: Readonly<Record<Excuse, number>>;
}

/** Rule (a): a sweep over each name's holds in the order of their grants. */
export function checkExclusion(examined: Case): Exclusion {
  const violations: Violation[] = [];
  const excused: Record<Excuse, number> = { theft: 0, disconnect: 0, failover: 0 };
  for (const attempts of groupByName(examined.attempts).values()) {
    const excuses = new Excuses(examined, attempts);
    const holds = attempts.filter(isHeld).filter(({ hold }) => hold.until > hold.from);
    let active: Held[] = [];
    for (const newcomer of holds.sort((a, b) => a.hold.from - b.hold.from)) {
      active = active.filter(({ hold }) => hold.until > newcomer.hold.from);
      const beside = active.filter((other) => {
        const excuse = clash(other, newcomer) ? excuseOf(excuses, other, newcomer) : undefined;
        if (excuse !== undefined) excused[excuse] += 1;
        return excuse === undefined;
      });
      violations.push(...overlaps(beside, newcomer));
      active.push(newcomer);
    }
  }
  return { violations, excused };
}

/** Two permits clash only if there are not enough; whether they do is counted among those that have no excuse. */
function clash(a: Held, b: Held): boolean {
  return a.mode === 'semaphore' || !compatible(a, b);
}

export function compatible(a: Held, b: Held): boolean {
  return a.mode === b.mode && a.mode !== 'exclusive';
}

/** Tokens tell which of two is the older hold, whichever answer came first. */
function excuseOf(excuses: Excuses, a: Held, b: Held): Excuse | undefined {
  const [older, newer] = a.hold.token < b.hold.token ? [a, b] : [b, a];
  return excuses.of(older, newer) ?? (excuses.forgotten(older, newer) ? 'failover' : undefined);
}

function overlaps(beside: readonly Held[], newcomer: Held): Violation[] {
  const found = beside
    .filter((other) => !compatible(other, newcomer))
    .map((other) => overlap([other, newcomer], `${describe(other)} and ${describe(newcomer)} held at once`));
  const permits = beside.filter(({ mode }) => mode === 'semaphore' && newcomer.mode === 'semaphore');
  const most = Math.max(...[...permits, newcomer].map(({ permits }) => permits ?? 1));
  if (permits.length < most) return found;
  return [...found, overlap([...permits, newcomer], `${permits.length + 1} held a semaphore of ${most} permits`)];
}

function overlap(holds: readonly Held[], message: string): Violation {
  const [name] = holds.map((held) => JSON.stringify(held.name));
  return {
    rule: 'exclusion',
    message: `${name}: ${message}`,
    ops: holds.map(({ op }) => op),
    from: Math.max(...holds.map(({ hold }) => hold.from)),
    to: Math.min(...holds.map(({ hold }) => hold.until)),
  };
}

function describe({ op, mode, hold }: Held): string {
  return `${op} (${mode}, token ${hold.token})`;
}
