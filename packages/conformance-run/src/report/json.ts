import { verdictOf } from '../run/trial.ts';
import { cellOf, countsOf } from './matrix.ts';
import type { RunReport } from './run-report.ts';

/** For programs: every cell, with the manifests that decided which there are. */
export function reportJson({ startedAt, wallMs, via, atOnce, machine, cases, trials }: RunReport): string {
  const report = {
    startedAt: startedAt.toISOString(),
    wallMs: Math.round(wallMs),
    via: via ?? 'first that works',
    atOnce,
    machine,
    backends: trials.map((trial) => ({
      backend: trial.backend,
      verdict: verdictOf(trial),
      ...('reason' in trial.outcome ? { reason: trial.outcome.reason } : {}),
      server: trial.server ?? null,
      wallMs: Math.round(trial.wallMs),
      counts: countsOf(trial, cases),
      manifest: trial.outcome.status === 'completed' ? trial.outcome.report.manifest : null,
      cases: cases.map((testCase) => ({ id: testCase.id, title: testCase.title, ...cellOf(trial, testCase) })),
    })),
  };
  return `${JSON.stringify(report, null, 2)}\n`;
}
