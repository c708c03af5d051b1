import { verdictOf } from '../run/trial.ts';
import { cellOf, countsInWords, countsOf, failuresOf, sectionsOf, seconds, serverOf, troubleOf } from './matrix.ts';
import type { Cell } from './matrix.ts';
import type { RunReport } from './run-report.ts';

export function reportMarkdown(report: RunReport): string {
  const { startedAt, wallMs, machine, cases, trials } = report;
  return [
    '# Conformance',
    '',
    `${startedAt.toISOString()}, ${seconds(wallMs)}, ${machine}.`,
    '',
    ...table(
      ['backend', 'server', 'source', 'image', 'wall time', 'result', 'cases'],
      trials.map((trial) => [
        trial.backend,
        serverOf(trial),
        trial.server?.source ?? '',
        trial.server?.image ?? '',
        seconds(trial.wallMs),
        `**${verdictOf(trial)}**`,
        countsInWords(countsOf(trial, cases)),
      ]),
    ),
    '',
    '✓ passed, ✗ failed, `r` refused, as the manifest says, `–` left out because the manifest does not claim it, `?` not run.',
    ...sectionsOf(cases).flatMap((section) => [
      '',
      `## ${section.name}`,
      '',
      ...table(
        ['case', ...trials.map(({ backend }) => backend)],
        section.cases.map((testCase) => [
          `${testCase.title}<br>\`${testCase.id}\``,
          ...trials.map((trial) => mark(cellOf(trial, testCase))),
        ]),
      ),
    ]),
    ...troubles(report),
    ...reasons(report),
    '',
  ].join('\n');
}

function mark(cell: Cell): string {
  return { passed: '✓', failed: '**✗**', refused: 'r', 'left-out': '–', 'not-run': '?' }[cell.state];
}

function troubles(report: RunReport): string[] {
  const parts = [
    ...failuresOf(report).map(({ backend, id, title, message }) => [`${backend}: ${id}, ${title}`, message] as const),
    ...report.trials.flatMap((trial) => {
      const reason = troubleOf(trial);
      return reason === undefined ? [] : [[`${trial.backend}: ${verdictOf(trial)}`, reason] as const];
    }),
  ];
  if (parts.length === 0) return [];
  return ['', '## Failures', ...parts.flatMap(([title, text]) => ['', `### ${title}`, '', ...fenced(text)])];
}

/** Why cases were refused or left out: one line for each reason of each backend. */
function reasons({ trials, cases }: RunReport): string[] {
  const lines = trials.flatMap((trial) => {
    const cells = cases.map((testCase) => cellOf(trial, testCase));
    const refused = cells.flatMap((cell) => (cell.state === 'refused' ? [cell.requires] : []));
    const leftOut = cells.flatMap((cell) => (cell.state === 'left-out' ? [cell.lacks] : []));
    return [
      ...tally(refused).map(([why, count]) => `- ${trial.backend}: ${count} refused, which require ${why}.`),
      ...tally(leftOut).map(([why, count]) => `- ${trial.backend}: ${count} left out, the manifest lacks ${why}.`),
    ];
  });
  return lines.length === 0 ? [] : ['', '## Refused and left out', '', ...lines];
}

function tally(reasonsGiven: readonly string[]): [why: string, count: number][] {
  const counts = new Map<string, number>();
  for (const why of reasonsGiven) counts.set(why, (counts.get(why) ?? 0) + 1);
  return [...counts];
}

function fenced(text: string): string[] {
  return ['````text', text, '````'];
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]): string => `| ${cells.map(escaped).join(' | ')} |`;
  return [line(header), line(header.map(() => '---')), ...rows.map(line)];
}

function escaped(cell: string): string {
  return cell.replaceAll('|', '\\|').replaceAll('\n', ' ');
}
