import type { Addition } from './addition-record.ts';

export interface Panel {
  readonly title: string;
  readonly subtitle: string;
  readonly additions: readonly Addition[];
}

const WIDTH = 1000;
const LEFT = 96;
const RIGHT = 24;
const ROW = 26;
const BAR = 16;
const HEADER = 64;
const AXIS = 34;
const COLOURS = ['#2f7ed8', '#e8812a', '#3a9d46', '#d6336c', '#7e57c2', '#1a9aa0', '#c99a06', '#a5573f'];

const style = `
  .background { fill: #ffffff } .text { fill: #1f2328 } .quiet { fill: #59636e } .grid { stroke: #d8dee4 } .wait { stroke: #aab3bd }
  text { font-family: ui-sans-serif, system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif; font-size: 13px }
  .title { font-size: 17px; font-weight: 600 }
  @media (prefers-color-scheme: dark) {
    .background { fill: #0d1117 } .text { fill: #e6edf3 } .quiet { fill: #9198a1 } .grid { stroke: #2a313a } .wait { stroke: #59636e }
  }`;

/** A picture with one panel per part; a bar while a process was inside, a thin line while it waited. Follows the reader's light or dark theme. */
export function timelineSvg(panels: readonly Panel[], processes: number): string {
  const height = HEADER + processes * ROW + AXIS;
  const drawn = panels.map(
    (panel, index) => `<g transform="translate(0 ${16 + index * (height + 16)})">${draw(panel, processes)}</g>`,
  );
  const total = 16 + panels.length * (height + 16);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${total}" width="${WIDTH}" height="${total}" role="img">`,
    `<title>Who added to the counter when, without a lock and with it</title>`,
    `<style>${style}</style><rect class="background" width="100%" height="100%" rx="8"/>`,
    ...drawn,
    '</svg>\n',
  ].join('\n');
}

function draw({ title, subtitle, additions }: Panel, processes: number): string {
  const start = Math.min(...additions.map(({ startedAt }) => startedAt));
  const end = Math.max(...additions.map(({ leftAt }) => leftAt));
  const x = (at: number): number => LEFT + ((at - start) / (end - start)) * (WIDTH - LEFT - RIGHT);
  const labels = Array.from({ length: processes }, (_, worker) => {
    return `<text class="quiet" x="${LEFT - 12}" y="${HEADER + worker * ROW + ROW / 2 + 4.5}" text-anchor="end">process ${worker + 1}</text>`;
  });
  return [
    `<text class="text title" x="24" y="24">${escape(title)}</text>`,
    `<text class="quiet" x="24" y="46">${escape(subtitle)}</text>`,
    ...grid(end - start, (ms) => x(start + ms), processes),
    ...labels,
    ...additions.map((addition) => bar(addition, x)),
  ].join('\n');
}

function bar({ worker, startedAt, enteredAt, leftAt, value, token }: Addition, x: (at: number) => number): string {
  const middle = HEADER + worker * ROW + ROW / 2;
  const width = Math.max(2, x(leftAt) - x(enteredAt));
  const colour = COLOURS[worker % COLOURS.length] ?? '#888888';
  const fence = token === undefined ? '' : `, fencing token ${token}`;
  const tip = `process ${worker + 1} wrote ${value}: ${enteredAt - startedAt} ms until it was in, ${leftAt - enteredAt} ms inside${fence}`;
  return [
    `<line class="wait" x1="${round(x(startedAt))}" x2="${round(x(enteredAt))}" y1="${middle}" y2="${middle}" stroke-width="1.5"/>`,
    `<rect x="${round(x(enteredAt))}" y="${middle - BAR / 2}" width="${round(width)}" height="${BAR}" rx="2.5" fill="${colour}"><title>${escape(tip)}</title></rect>`,
  ].join('');
}

function grid(durationMs: number, x: (ms: number) => number, processes: number): string[] {
  const step =
    [100, 200, 500, 1000, 2000, 5000, 10_000, 20_000].find((candidate) => durationMs / candidate <= 12) ?? 60_000;
  const bottom = HEADER + processes * ROW;
  return Array.from({ length: Math.floor(durationMs / step) + 1 }, (_, index) => {
    const at = round(x(index * step));
    const label = `<text class="quiet" x="${at}" y="${bottom + 20}" text-anchor="middle">${(index * step) / 1000} s</text>`;
    return `<line class="grid" x1="${at}" x2="${at}" y1="${HEADER - 4}" y2="${bottom + 4}"/>${label}`;
  });
}

function round(number: number): number {
  return Math.round(number * 10) / 10;
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
