import { isHeld } from '../history/attempts.ts';
import type { Held } from '../history/attempts.ts';
import { Excuses } from './excuses.ts';
import { compatible } from './exclusion.ts';
import { groupByName } from './violation.ts';
import type { Case, Violation } from './violation.ts';

/**
 * Rule (b). Grant order is known in part: A came before B if A was answered before B asked, or if both exclude each
 * other and A was answered first, for then B's hold, still alive at its answer, can only have begun after A's.
 */
export function checkTokens(examined: Case): Violation[] {
  const violations: Violation[] = [];
  for (const attempts of groupByName(examined.attempts).values()) {
    const excuses = new Excuses(examined, attempts);
    const holds = attempts.filter(isHeld).sort((a, b) => a.hold.from - b.hold.from);
    violations.push(...repeated(holds), ...backInTime(holds), ...backAmongRivals(holds, excuses));
  }
  return violations;
}

function repeated(holds: readonly Held[]): Violation[] {
  const first = new Map<bigint, Held>();
  return holds.flatMap((held) => {
    const before = first.get(held.hold.token);
    if (before !== undefined) return [broken(before, held, 'the same token twice')];
    first.set(held.hold.token, held);
    return [];
  });
}

function backInTime(holds: readonly Held[]): Violation[] {
  const violations: Violation[] = [];
  const asked = holds.toSorted((a, b) => a.invokedAt - b.invokedAt);
  let greatest: Held | undefined;
  let answered = 0;
  for (const later of asked) {
    for (let next = holds[answered]; next !== undefined && next.hold.from < later.invokedAt; next = holds[answered]) {
      if (greatest === undefined || next.hold.token > greatest.hold.token) greatest = next;
      answered += 1;
    }
    if (greatest !== undefined && greatest.hold.token > later.hold.token)
      violations.push(broken(greatest, later, 'granted before the other was asked for, with the greater token'));
  }
  return violations;
}

function backAmongRivals(holds: readonly Held[], excuses: Excuses): Violation[] {
  const violations: Violation[] = [];
  const greatest = new Map<string, Held>();
  for (const later of holds) {
    for (const earlier of greatest.values()) {
      if (compatible(earlier, later) || earlier.hold.token <= later.hold.token) continue;
      // Over when it was told: its grant may be older than the other's. And a thief's answer may overtake its victim's.
      if (later.hold.until === later.hold.from || excuses.of(later, earlier) !== undefined) continue;
      // Both under way in a failover that may forget: two masters granted them, and their answers may be in another order than the grants.
      if (excuses.forgotten(later, earlier)) continue;
      if (earlier.hold.from >= later.invokedAt)
        violations.push(broken(earlier, later, 'granted first, with the greater token'));
    }
    const before = greatest.get(later.mode);
    if (before === undefined || later.hold.token > before.hold.token) greatest.set(later.mode, later);
  }
  return violations;
}

function broken(earlier: Held, later: Held, how: string): Violation {
  return {
    rule: 'tokens',
    message: `${JSON.stringify(earlier.name)}: ${earlier.op} (token ${earlier.hold.token}) before ${later.op} (token ${later.hold.token}): ${how}`,
    ops: [earlier.op, later.op],
    from: Math.min(earlier.hold.from, later.hold.from),
    to: Math.max(earlier.hold.from, later.hold.from),
  };
}
