import { redactUrl } from '@holdfast/core';
import { runConformance, urlSubject } from '@holdfast/core/conformance';
import type { CaseResult, ConformanceReport } from '@holdfast/core/conformance';
import { EXIT } from './exit-status.ts';
import { print, printable } from './output.ts';
import { table } from './table.ts';

/** Some case failed. */
const FAILED = 1;

export async function conformance(url: string, json: boolean): Promise<number> {
  if (!json) print(`Conformance of ${printable(redactUrl(url))}\n`);
  const report = await runConformance(
    urlSubject(url),
    json ? {} : { onResult: (result) => print(resultLines(result)) },
  );
  print(json ? JSON.stringify(reportJson(report), null, 2) : `\n${summary(report)}`);
  return report.results.some(({ outcome }) => outcome === 'failed') ? FAILED : EXIT.ok;
}

const marks: Readonly<Record<CaseResult['outcome'], string>> = {
  passed: 'ok     ',
  failed: 'FAILED ',
  refused: 'refused',
};

function resultLines({ outcome, id, title, durationMs, error }: CaseResult): string {
  const line = `${marks[outcome]} ${id}: ${title} (${seconds(durationMs)})`;
  return error === undefined ? line : `${line}\n${error.message.replaceAll(/^/gm, '        ')}`;
}

function summary({ subject, results, absent }: ConformanceReport): string {
  const groups = [...new Set(results.map(groupOf))];
  const row = (name: string, part: readonly CaseResult[]): string[] => [
    name,
    ...(['passed', 'failed', 'refused'] as const).map((outcome) =>
      String(part.filter((result) => result.outcome === outcome).length),
    ),
    seconds(part.reduce((sum, { durationMs }) => sum + durationMs, 0)),
  ];
  const rows = [
    ['', 'passed', 'failed', 'refused', 'time'],
    ...groups.map((group) =>
      row(
        group,
        results.filter((result) => groupOf(result) === group),
      ),
    ),
    row('all', results),
  ];
  const failures = results.filter(({ outcome }) => outcome === 'failed').map(({ id }) => id);
  const missing = absent.map(({ id, lacks }) => `Not claimed by the manifest: ${id} (needs ${lacks.join(', ')})`);
  const verdict =
    failures.length === 0 ? `${subject} conforms.` : `${subject} does not conform: ${failures.join(', ')}`;
  return [table(rows), ...missing, '', verdict].join('\n');
}

/** `group/behaviour` */
function groupOf({ id }: CaseResult): string {
  return id.split('/')[0] ?? id;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(ms < 100 ? 3 : 1)} s`;
}

function reportJson({ subject, manifest, results, absent }: ConformanceReport): unknown {
  return {
    subject,
    manifest,
    absent,
    results: results.map(({ id, title, outcome, durationMs, error }) => {
      return {
        id,
        title,
        outcome,
        durationMs: Math.round(durationMs),
        ...(error === undefined ? {} : { error: error.message }),
      };
    }),
  };
}
