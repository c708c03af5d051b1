import type { CaseResult, ConformanceReport } from '@holdfast/core/conformance';
import { table } from './table.ts';

const marks: Readonly<Record<CaseResult['outcome'], string>> = {
  passed: 'ok     ',
  failed: 'FAILED ',
  refused: 'refused',
};

export function resultLines({ outcome, id, title, durationMs, error }: CaseResult): string {
  const line = `${marks[outcome]} ${id}: ${title} (${seconds(durationMs)})`;
  return error === undefined ? line : `${line}\n${error.message.replaceAll(/^/gm, '        ')}`;
}

export function summary({ subject, results, absent }: ConformanceReport): string {
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
  const needs = new Set(absent.flatMap(({ lacks }) => lacks));
  const unclaimed = [`${absent.length} more cases need what the manifest does not claim: ${[...needs].join(', ')}`];
  const verdict =
    failures.length === 0 ? `${subject} conforms.` : `${subject} does not conform: ${failures.join(', ')}`;
  return [table(rows), ...(absent.length === 0 ? [] : unclaimed), '', verdict].join('\n');
}

/** `group/behaviour` */
function groupOf({ id }: CaseResult): string {
  return id.split('/')[0] ?? id;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(ms < 100 ? 3 : 1)} s`;
}

export function reportJson({ subject, manifest, results, absent }: ConformanceReport): unknown {
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
