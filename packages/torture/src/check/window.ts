import type { HistoryEvent } from '../history/events.ts';
import { faultsOf } from '../history/faults.ts';
import type { Violation } from './violation.ts';

/** The events that show a violation: all of its attempts up to its end, and the faults that were on while it came about. */
export function windowOf(events: readonly HistoryEvent[], { ops, from, to }: Violation): HistoryEvent[] {
  const involved = new Set(ops);
  const own = events.filter((event) => 'op' in event && involved.has(event.op) && event.t <= to);
  const start = own[0]?.t ?? from;
  const on = new Set(
    faultsOf(events)
      .filter((fault) => fault.from <= to && fault.until >= start)
      .map(({ id }) => id),
  );
  return events.filter((event) => {
    if ('op' in event) return involved.has(event.op) && event.t <= to;
    if (event.type === 'fault') return on.has(event.id);
    return event.type !== 'start' && event.type !== 'end' && event.t >= start && event.t <= to;
  });
}
