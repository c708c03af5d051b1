import type { Capabilities } from '../contract.ts';
import type { ConformanceCase } from './case.ts';
import { Context } from './context.ts';
import { eventually, within } from './expect.ts';
import { assertRefused, canBeAsked, lacking } from './requirement.ts';
import type { Requirement } from './requirement.ts';
import type { Subject } from './subject.ts';
import { Timing } from './timing.ts';

/** A case as it applies to one subject. */
export interface Planned {
  readonly case: ConformanceCase;
  /** `run`: the manifest has all it needs. `refuse`: what it needs must be refused. `absent`: nothing that a user could ask for. */
  readonly plan: 'run' | 'refuse' | 'absent';
  readonly lacks: readonly Requirement[];
}

/** The manifest alone decides. */
export function planned(testCase: ConformanceCase, manifest: Capabilities): Planned {
  const lacks = lacking(testCase.requires, manifest);
  if (lacks.length === 0) return { case: testCase, plan: 'run', lacks };
  return { case: testCase, plan: lacks.some(canBeAsked) ? 'refuse' : 'absent', lacks };
}

export async function manifestOf(subject: Subject): Promise<Capabilities> {
  await using locks = await subject.open();
  return locks.capabilities;
}

/** Runs what is planned, within the time limit, and sees to it that nothing is left. */
export async function runPlanned(
  { case: testCase, plan, lacks }: Planned,
  subject: Subject,
  manifest: Capabilities,
): Promise<void> {
  const ctx = new Context(subject, manifest);
  const { limit } = ctx.time;
  const run =
    plan === 'run' ? testCase.run : async (): Promise<void> => assertRefused(lacks, await ctx.open(), ctx.name());
  try {
    await within(limit, run(ctx), `${testCase.id} hangs`);
  } catch (error) {
    // The case's own error tells more than what its clean-up may meet.
    await within(limit, ctx.cleanUp(), 'cleaning up hangs').then(undefined, () => undefined);
    throw error;
  }
  await within(limit, ctx.cleanUp(), `${testCase.id} has passed, but cleaning up after it hangs`);
  await assertNothingLeft(ctx, subject, testCase.id);
}

/** What a killed peer held ends with its ttl; everything else is gone already. */
async function assertNothingLeft(ctx: Context, subject: Subject, id: string): Promise<void> {
  if (!ctx.manifest.query) return;
  await using locks = await subject.open();
  let left: string[] = [];
  const probe = async (): Promise<true | undefined> => {
    left = await ctx.leftovers(locks);
    return left.length === 0 ? true : undefined;
  };
  try {
    await eventually(ctx.time.takeover + ctx.time.passedOver, probe, 'nothing is left');
  } catch (cause) {
    throw new Error(`${id} has passed, but left something behind: ${left.join('; ')}`, { cause });
  }
}

/** Of a case as planned: longer than all of its own limits together, for runners that have one of theirs. */
export function runnerLimitMs(manifest: Capabilities): number {
  const { limit, takeover, passedOver } = new Timing(manifest);
  return 2 * limit + takeover + passedOver + 10_000;
}
