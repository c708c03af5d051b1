import type { Line, Result } from './bench.ts';

/** A table for each scenario of each backend. */
export function markdown(results: readonly Result[]): string {
  return results.map(section).join('\n');
}

function section({ backend, version, scenario, lines }: Result): string {
  const head = `## ${backend} (${version}): ${scenario.title}\n`;
  const columns = `| | ratio | middle half | ${scenario.unit} | |\n|---|---|---|---|---|`;
  return [head, columns, ...lines.map(row), ''].join('\n');
}

function row({ name, figure, ratio, failed }: Line): string {
  const cells = [
    name,
    ratio === undefined ? '' : ratio.median.toFixed(2),
    ratio === undefined ? '' : `${ratio.low.toFixed(2)} to ${ratio.high.toFixed(2)}`,
    figure === undefined ? '' : figure >= 100 ? figure.toFixed(0) : figure.toPrecision(3),
    failed?.replaceAll(/\s+/g, ' ').replaceAll('|', '\\|') ?? '',
  ];
  return `| ${cells.join(' | ')} |`;
}
