import { attemptsOf, isHeld } from '../history/attempts.ts';
import type { Attempt } from '../history/attempts.ts';
import type { HistoryEvent } from '../history/events.ts';
import { faultsOf, touches } from '../history/faults.ts';
import type { FaultWindow } from '../history/faults.ts';
import { bar, document, line, mark, round, text, WIDTH } from './svg.ts';

/** A part of a history, in µs. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

const LEFT = 90;
const RIGHT = 20;
const ROW = 15;
const TOP = 74;
const AXIS = 34;
const COLOURS = ['#2f7ed8', '#e8812a', '#3a9d46', '#7e57c2'];
const FAULT_COLOURS: Readonly<Record<string, string>> = { client: '#d6336c', server: '#a5573f', network: '#c99a06' };

/** The most eventful part of a history: where most faults begin and most holds are lost. */
export function busiestSpan(events: readonly HistoryEvent[], lengthMicros: number): Span {
  const first = events[0]?.t ?? 0;
  const times = events
    .filter((event) => event.type === 'lost' || (event.type === 'fault' && event.phase === 'begin'))
    .map(({ t }) => t);
  let best = { from: first, count: -1 };
  for (const from of times) {
    const count = times.filter((t) => t >= from && t < from + lengthMicros).length;
    if (count > best.count) best = { from, count };
  }
  return { from: best.from - lengthMicros / 20, to: best.from + lengthMicros };
}

/** A row per client and lane of holds, a bar for each hold and a thin line for its wait, behind them the faults. */
export function timelineSvg(title: string, events: readonly HistoryEvent[], span: Span): string {
  const shown = attemptsOf(events).filter((attempt) => attempt.invokedAt < span.to && endOf(attempt) > span.from);
  const names = [...new Set(shown.map(({ name }) => name))].sort();
  const clients = [...new Set(shown.map(({ client }) => client))].sort((a, b) => a - b);
  const rows = clients.flatMap((client) => names.map((name) => ({ client, name })));
  const height = TOP + rows.length * ROW + AXIS;
  const x = (t: number): number =>
    LEFT + ((Math.min(Math.max(t, span.from), span.to) - span.from) / (span.to - span.from)) * (WIDTH - LEFT - RIGHT);
  const y = (client: number, name: string): number =>
    TOP + rows.findIndex((row) => row.client === client && row.name === name) * ROW;
  const faults = faultsOf(events).filter((fault) => fault.from < span.to && fault.until > span.from);
  return document(title, height, [
    text('title', 20, 26, title),
    ...names.map((name, i) => legend(name, i)),
    ...faults.flatMap((fault) => faultBands(fault, clients, names.length, x)),
    ...clients.map((client, i) =>
      text('quiet', LEFT - 10, TOP + (i * names.length + names.length / 2) * ROW + 4, `client ${client}`, 'end'),
    ),
    ...axis(span, x, TOP + rows.length * ROW),
    ...shown.flatMap((attempt) => draw(attempt, names.indexOf(attempt.name), x, y(attempt.client, attempt.name))),
  ]);
}

function endOf(attempt: Attempt): number {
  return attempt.hold?.until ?? attempt.answeredAt ?? Infinity;
}

function legend(name: string, index: number): string {
  const at = LEFT + index * 290;
  return bar(at, 42, 12, 10, colourOf(index), name) + text('quiet', at + 18, 51, name.slice(0, 42));
}

function draw(attempt: Attempt, index: number, x: (t: number) => number, y: number): string[] {
  const middle = y + ROW / 2;
  const waitedUntil = attempt.answeredAt ?? endOf(attempt);
  const wait = line('wait', x(attempt.invokedAt), middle, x(waitedUntil), middle);
  if (!isHeld(attempt)) return [wait];
  const { hold, op, mode } = attempt;
  const width = Math.max(x(hold.until) - x(hold.from), 1);
  const held = bar(x(hold.from), y + 2, width, ROW - 4, colourOf(index), `${op} ${mode}, token ${hold.token}`);
  const lost = hold.lostAt === undefined ? [] : [mark(x(hold.lostAt), middle, `${op} lost: ${hold.lossReason}`)];
  return [wait, held, ...lost];
}

function faultBands(fault: FaultWindow, clients: readonly number[], rows: number, x: (t: number) => number): string[] {
  const { kind, from, until } = fault;
  const [where = ''] = kind.split('-');
  const colour = FAULT_COLOURS[where] ?? FAULT_COLOURS['network'] ?? '';
  const width = Math.max(x(until) - x(from), 2);
  return clients.flatMap((client, i) =>
    touches(fault, client)
      ? [bar(x(from), TOP + i * rows * ROW, width, rows * ROW, colour, `${kind} #${fault.id}`, 0.22)]
      : [],
  );
}

function axis({ from, to }: Span, x: (t: number) => number, bottom: number): string[] {
  const seconds = Math.floor((to - from) / 1e6);
  const step = Math.max(1, Math.ceil(seconds / 15));
  return Array.from({ length: Math.floor(seconds / step) + 1 }, (_, i) => {
    const at = round(x(from + i * step * 1e6));
    return line('grid', at, TOP - 4, at, bottom + 4) + text('quiet', at, bottom + 20, `${i * step} s`, 'middle');
  });
}

function colourOf(index: number): string {
  return COLOURS[index % COLOURS.length] ?? '#888888';
}
