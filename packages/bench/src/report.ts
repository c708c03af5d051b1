import type { Line, Result } from './bench.ts';

/** A table for each scenario of each backend. */
export function markdown(results: readonly Result[]): string {
  return results.map(section).join('\n');
}

function section({ backend, version, scenario, lines }: Result): string {
  const head = `## ${backend} (${version}): ${scenario.title}\n`;
  const also = [...new Set(lines.flatMap((line) => Object.keys(line.also ?? {})))];
  const titles = ['', 'ratio', 'middle half', scenario.unit, ...also, ''];
  const columns = `${rowOf(titles)}\n|${'---|'.repeat(titles.length)}`;
  return [head, columns, ...lines.map((line) => row(line, also)), ''].join('\n');
}

function row({ name, figure, ratio, also = {}, failed }: Line, titles: readonly string[]): string {
  return rowOf([
    name,
    ratio === undefined ? '' : ratio.median.toFixed(2),
    ratio === undefined ? '' : `${ratio.low.toFixed(2)} to ${ratio.high.toFixed(2)}`,
    numeral(figure),
    ...titles.map((title) => numeral(also[title])),
    failed?.replaceAll(/\s+/g, ' ').replaceAll('|', '\\|') ?? '',
  ]);
}

function rowOf(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

function numeral(figure: number | undefined): string {
  if (figure === undefined) return '';
  return Math.abs(figure) >= 100 ? figure.toFixed(0) : figure.toPrecision(3);
}
