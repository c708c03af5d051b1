import type { Addition } from './addition-record.ts';

/** 256-colour codes that stand out on dark and on light. */
const COLOURS = [33, 208, 70, 162, 98, 37, 172, 131];
const LABEL_WIDTH = 11;

/** Who was inside when: a row per process; half a column is the smallest step. */
export function timelineText(
  additions: readonly Addition[],
  processes: number,
  columns: number,
  coloured: boolean,
): string {
  const start = Math.min(...additions.map(({ startedAt }) => startedAt));
  const end = Math.max(...additions.map(({ leftAt }) => leftAt));
  const halves = Math.max(20, columns - LABEL_WIDTH) * 2;
  const halfAt = (at: number): number => Math.floor(((at - start) / (end - start)) * halves);
  const rows = Array.from({ length: processes }, (_, worker) => {
    const cells = row(
      additions.filter((addition) => addition.worker === worker),
      halves,
      halfAt,
    );
    return `process ${worker + 1}`.padEnd(LABEL_WIDTH) + paint(cells, COLOURS[worker % COLOURS.length] ?? 7, coloured);
  });
  const seconds = `${((end - start) / 1000).toFixed(1)} s`;
  const axis = `${' '.repeat(LABEL_WIDTH)}0 s${seconds.padStart(halves / 2 - 3)}`;
  return [...rows, axis].join('\n');
}

type Half = 'inside' | 'waiting' | 'elsewhere';

function row(additions: readonly Addition[], halves: number, halfAt: (at: number) => number): string {
  const states = Array.from({ length: halves }, (): Half => 'elsewhere');
  for (const { startedAt, enteredAt } of additions) states.fill('waiting', halfAt(startedAt), halfAt(enteredAt));
  // From the half that the entry falls into up to the one it left in, which the next holder may need.
  for (const { enteredAt, leftAt } of additions) {
    const first = Math.min(halfAt(enteredAt), halves - 1);
    states.fill('inside', first, Math.max(halfAt(leftAt), first + 1));
  }
  let cells = '';
  for (let half = 0; half < halves; half += 2) cells += cell(states[half], states[half + 1]);
  return cells;
}

function cell(left: Half | undefined, right: Half | undefined): string {
  if (left === 'inside') return right === 'inside' ? '█' : '▌';
  if (right === 'inside') return '▐';
  return left === 'waiting' || right === 'waiting' ? '·' : ' ';
}

function paint(cells: string, colour: number, coloured: boolean): string {
  if (!coloured) return cells;
  return cells
    .replaceAll(/[█▌▐]+/g, (bar) => `\u001b[38;5;${colour}m${bar}\u001b[39m`)
    .replaceAll(/·+/g, (dots) => `\u001b[2m${dots}\u001b[22m`);
}
