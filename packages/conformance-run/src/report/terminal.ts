import { verdictOf } from '../run/trial.ts';
import { countsInWords, countsOf, failuresOf, sectionsOf, seconds, serverOf, troubleOf } from './matrix.ts';
import type { Counts } from './matrix.ts';
import type { RunReport } from './run-report.ts';

/** Sections down, backends across, in as many tables as the width asks for. */
export function matrixText({ trials, cases }: RunReport, width: number): string {
  const sections = sectionsOf(cases);
  const titles = ['', ...sections.map(({ name }) => name)];
  const columns = trials.map((trial) => [
    trial.backend,
    ...sections.map((section) => cellText(countsOf(trial, section.cases))),
  ]);
  const tables: (readonly string[])[][] = [];
  let used = Infinity;
  for (const column of columns) {
    const needed = widthOf(column) + GAP.length;
    if (used + needed > width) {
      tables.push([titles]);
      used = widthOf(titles);
    }
    tables.at(-1)?.push(column);
    used += needed;
  }
  return [
    ...tables.map(tableText),
    'A number: passed. F: failed. r: refused, as the manifest says. -: left out, the manifest does not claim it. ?: not run.',
  ].join('\n\n');
}

const GAP = '  ';

function cellText({ passed, failed, refused, 'left-out': leftOut, 'not-run': notRun }: Counts): string {
  const parts = [
    ...(failed > 0 ? [`${failed}F`] : []),
    ...(passed > 0 ? [`${passed}`] : []),
    ...(refused > 0 ? [`${refused}r`] : []),
    ...(leftOut > 0 ? [`${leftOut}-`] : []),
    ...(notRun > 0 ? [`${notRun}?`] : []),
  ];
  return parts.join(' ');
}

function widthOf(column: readonly string[]): number {
  return Math.max(...column.map((cell) => cell.length));
}

function tableText(columns: readonly (readonly string[])[]): string {
  const rows = Array.from({ length: columns[0]?.length ?? 0 }, (_, row) =>
    columns.map((column) => (column[row] ?? '').padEnd(widthOf(column))),
  );
  return rows.map((row) => row.join(GAP).trimEnd()).join('\n');
}

/** Each in full, with what it belongs to. */
export function failuresText(report: RunReport): string {
  const failures = failuresOf(report).map(
    ({ backend, id, title, message }) => `FAILED ${backend} ${id}: ${title}\n${indented(message)}`,
  );
  const troubles = report.trials.flatMap((trial) => {
    const reason = troubleOf(trial);
    return reason === undefined ? [] : [`${trial.backend}: ${verdictOf(trial)}\n${indented(reason)}`];
  });
  return [...failures, ...troubles].join('\n\n');
}

/** What ran where. */
export function placesText({ trials, cases }: RunReport): string {
  const rows = trials.map((trial) => [
    trial.backend,
    serverOf(trial),
    trial.server?.source ?? '',
    seconds(trial.wallMs),
    verdictOf(trial),
    countsInWords(countsOf(trial, cases)),
  ]);
  const header = ['backend', 'server', 'source', 'wall time', 'result', ''];
  const all = [header, ...rows];
  return tableText(header.map((_, column) => all.map((row) => row[column] ?? '')));
}

function indented(text: string): string {
  return text.replaceAll(/^/gm, '    ');
}
