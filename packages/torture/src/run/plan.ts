import { openArena } from '../arena/arena.ts';
import { describeFault, schedule } from '../nemesis/schedule.ts';
import { possibleKinds } from '../nemesis/victims.ts';
import { openLocks } from '../open-locks.ts';
import type { TortureOptions } from '../options.ts';
import { takeoverFor } from './terms.ts';
import { findClock } from './torture.ts';

/** The faults of a run, one line each, without the run. */
export async function printPlan(options: TortureOptions, out: NodeJS.WritableStream): Promise<void> {
  for (const backend of options.backends) {
    await using arena = await openArena(backend, options.output);
    await using locks = await openLocks(arena.url);
    const clock = findClock(arena, options.output);
    const kinds = possibleKinds({ arena, clock });
    out.write(`${backend}, seed ${options.seed}:\n`);
    const faults = schedule({
      ...options,
      kinds,
      takeoverMs: takeoverFor(locks.capabilities),
      members: arena.members?.size ?? 0,
      serverStepMs: arena.serverClock?.mostMs ?? 0,
    });
    for (const fault of faults) out.write(`  ${describeFault(fault)}\n`);
  }
}
