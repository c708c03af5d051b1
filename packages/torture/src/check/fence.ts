import type { HistoryEvent, RegisterEntry } from '../history/events.ts';
import { groupByName } from './violation.ts';
import type { Case, Violation } from './violation.ts';

export interface Fence {
  readonly violations: readonly Violation[];
  readonly accepted: number;
  /** Stale reads and writes that the fenced register turned away. */
  readonly refused: number;
  /** Writes to the unfenced register that undid another's: the proof that the run was hard. */
  readonly corrupted: number;
}

/** Rule (c), from the registers' own logs. */
export function checkFence({ register, events }: Case): Fence {
  const fenced = register.filter((entry) => entry.register === 'fenced');
  const unfenced = register.filter((entry) => entry.register === 'unfenced');
  const times = timesOf(events);
  const violations = [...groupByName(fenced).values()].flatMap((entries) => [
    ...stale(entries, times),
    ...lost(entries).map((found) => violation(found, times)),
  ]);
  return {
    violations,
    accepted: fenced.filter(({ accepted }) => accepted).length,
    refused: fenced.filter(({ accepted }) => !accepted).length,
    corrupted: [...groupByName(unfenced).values()].flatMap(lost).length,
  };
}

interface Found {
  readonly message: string;
  readonly first: RegisterEntry;
  readonly second: RegisterEntry;
}

/** An entry served although the register had served a greater token before. */
function stale(entries: readonly RegisterEntry[], times: Times): Violation[] {
  const violations: Violation[] = [];
  let newest: RegisterEntry | undefined;
  for (const entry of entries) {
    if (!entry.accepted) continue;
    if (newest !== undefined && BigInt(entry.token) < BigInt(newest.token)) {
      const message = `a ${entry.action} with token ${entry.token} was accepted after one with ${newest.token}`;
      violations.push(violation({ message, first: newest, second: entry }, times));
    } else newest = entry;
  }
  return violations;
}

/** A write that replaces a value other than the one that its writer had read. */
function lost(entries: readonly RegisterEntry[]): Found[] {
  const found: Found[] = [];
  let last: RegisterEntry | undefined;
  for (const entry of entries) {
    if (!entry.accepted || entry.action !== 'write') continue;
    if (last !== undefined && entry.base !== last.value)
      found.push({ message: `${entry.base} was read, but ${last.value} was overwritten`, first: last, second: entry });
    last = entry;
  }
  return found;
}

type Times = (op: string) => { readonly from: number; readonly to: number };

/** The log has no times; the clients that lived to tell have. */
function timesOf(events: readonly HistoryEvent[]): Times {
  return (op) => {
    const own = events.filter((event) => 'op' in event && event.op === op).map(({ t }) => t);
    return { from: own[0] ?? 0, to: own.at(-1) ?? 0 };
  };
}

function violation({ message, first, second }: Found, times: Times): Violation {
  const [a, b] = [times(first.op), times(second.op)];
  return {
    rule: 'fence',
    message: `${JSON.stringify(second.name)}: ${second.op} after ${first.op}: ${message}`,
    ops: [first.op, second.op],
    from: Math.min(a.from, b.from),
    to: Math.max(a.to, b.to),
  };
}
