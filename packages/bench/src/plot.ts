import type { Result } from './bench.ts';

const WIDTH = 760;
const BAR = 18;
const GAP = 8;
const LABEL = 250;
const RIGHT = 90;

/** Bars of the ratios, the middle half of them as a line. */
export function svg({ backend, scenario, lines }: Result): string {
  const drawn = lines.flatMap(({ name, ratio }) => (ratio === undefined ? [] : [{ name, ratio }]));
  const most = Math.max(1, ...drawn.map(({ ratio }) => ratio.high));
  const x = (value: number): number => LABEL + (Math.max(0, value) / most) * (WIDTH - LABEL - RIGHT);
  const height = 40 + drawn.length * (BAR + GAP);
  const rows = drawn.map(({ name, ratio }, i) => {
    const y = 34 + i * (BAR + GAP);
    const middle = y + BAR / 2;
    return [
      `<text x="${LABEL - 8}" y="${middle + 4}" text-anchor="end">${escaped(name)}</text>`,
      `<rect x="${LABEL}" y="${y}" width="${(x(ratio.median) - LABEL).toFixed(1)}" height="${BAR}" fill="${name === 'holdfast' ? '#2f6fde' : '#9aa5b1'}"/>`,
      `<line x1="${x(ratio.low).toFixed(1)}" x2="${x(ratio.high).toFixed(1)}" y1="${middle}" y2="${middle}" stroke="#111" stroke-width="2"/>`,
      `<text x="${(x(ratio.high) + 8).toFixed(1)}" y="${middle + 4}">${ratio.median.toFixed(2)}</text>`,
    ].join('');
  });
  const title = `<text x="8" y="18" font-weight="bold">${escaped(`${backend}: ${scenario.title} (ratio, ${scenario.better} is better)`)}</text>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="#fff"/>${title}${rows.join('')}</svg>\n`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
