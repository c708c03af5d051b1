import { contendersOf, openPlace } from './backends.ts';
import type { BackendName } from './backends.ts';
import { interleave } from './interleave.ts';
import type { Entrant, Measured } from './interleave.ts';
import type { Scenario } from './scenario.ts';
import { median, ratios, spread } from './stats.ts';
import type { Spread } from './stats.ts';

export interface Line {
  readonly name: string;
  /** In the scenario's unit. */
  readonly figure?: number;
  /** To the base of the same rounds. */
  readonly ratio?: Spread;
  /** Why there is none. */
  readonly failed?: string;
}

export interface Result {
  readonly backend: BackendName;
  readonly version: string;
  readonly scenario: Pick<Scenario, 'id' | 'title' | 'unit' | 'better'>;
  /** The base first. */
  readonly lines: readonly Line[];
}

export interface BenchRun {
  readonly rounds: number;
  readonly seed: number;
  readonly onRound: (what: string, round: number) => void;
}

/** All scenarios of one backend, on one server of its own. */
export async function bench(backend: BackendName, scenarios: readonly Scenario[], run: BenchRun): Promise<Result[]> {
  await using place = await openPlace(backend);
  const results: Result[] = [];
  for (const scenario of scenarios) {
    const { entrants, missing } = await entrantsOf(backend, scenario, place.url);
    try {
      const onRound = (round: number): void => run.onRound(`${backend} ${scenario.id}`, round);
      const measured = await interleave(entrants, { ...run, onRound });
      const lines = [...compared(measured), ...missing];
      results.push({ backend, version: place.version, scenario: headOf(scenario), lines });
    } finally {
      await Promise.allSettled(entrants.map((entrant) => entrant.close()));
    }
  }
  return results;
}

async function entrantsOf(
  backend: BackendName,
  scenario: Scenario,
  url: string,
): Promise<{ readonly entrants: Entrant[]; readonly missing: Line[] }> {
  const entrants: Entrant[] = [];
  const missing: Line[] = [];
  for (const contender of contendersOf[backend]) {
    if (contender.missing !== undefined) {
      missing.push({ name: contender.name, failed: contender.missing });
      continue;
    }
    try {
      const entrant = await scenario.enter(contender, url);
      if (entrant !== undefined) entrants.push(entrant);
    } catch (error) {
      missing.push({ name: contender.name, failed: error instanceof Error ? error.message : String(error) });
    }
  }
  return { entrants, missing };
}

/** The first is what the others are ratios to. */
function compared(measured: readonly Measured[]): Line[] {
  const [base] = measured;
  return measured.map(({ name, figures, failed }) => {
    if (figures.length === 0) return { name, failed: failed ?? 'no figure' };
    const found = ratios(figures, base?.figures ?? []);
    return {
      name,
      figure: median(figures),
      ...(found.length === 0 ? {} : { ratio: spread(found) }),
      ...(failed === undefined ? {} : { failed }),
    };
  });
}

function headOf({ id, title, unit, better }: Scenario): Result['scenario'] {
  return { id, title, unit, better };
}
