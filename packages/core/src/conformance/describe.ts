import { cases } from './cases/index.ts';
import { manifestOf, planned, runnerLimitMs, runPlanned } from './run-case.ts';
import type { Planned } from './run-case.ts';
import type { Subject } from './subject.ts';

/** The two functions that vitest, Jest and others share. */
export interface Runner {
  describe(title: string, define: () => void): unknown;
  test(title: string, run: () => Promise<void>, timeoutMs: number): unknown;
}

/** Defines one test per case. To be awaited: the subject's manifest decides which there are. */
export async function describeConformance(subject: Subject, { describe, test }: Runner): Promise<void> {
  const manifest = await manifestOf(subject);
  const limitMs = runnerLimitMs(manifest);
  describe(`${subject.name} conforms`, () => {
    for (const testCase of cases) {
      const plan = planned(testCase, manifest);
      if (plan.plan !== 'absent') test(titleOf(plan), () => runPlanned(plan, subject, manifest), limitMs);
    }
  });
}

function titleOf({ case: { id, title }, plan, lacks }: Planned): string {
  return plan === 'run' ? `${id}: ${title}` : `${id}: refuses ${lacks.join(' and ')}`;
}
