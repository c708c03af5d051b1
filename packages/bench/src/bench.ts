import type { Arena } from './arena.ts';
import { contendersOf } from './backends.ts';
import type { BackendName } from './backends.ts';
import type { Contender } from './contender.ts';
import { counterFor } from './counters/index.ts';
import { interleave } from './interleave.ts';
import type { Entrant, Measured } from './interleave.ts';
import type { Scenario } from './scenario.ts';
import { openPlace } from './place.ts';
import { Processes } from './processes/processes.ts';
import { median, ratios, spread } from './stats.ts';
import type { Spread } from './stats.ts';
import { within } from './within.ts';

const SLICE_LIMIT_MS = 180_000;
/** Whoever takes longer to close is left behind, in ms. */
const CLOSE_MS = 10_000;

export interface Line {
  readonly name: string;
  /** In the scenario's unit. */
  readonly figure?: number;
  /** To the base of the same rounds. */
  readonly ratio?: Spread;
  /** What else was seen, over all rounds, each with its unit in its name. */
  readonly also?: Readonly<Record<string, number>>;
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
  readonly quick: boolean;
  readonly shared: boolean;
  /** Who takes part beside the first, which all others are ratios to. */
  readonly takesPart: (contender: Contender) => boolean;
  /** What spoils no figure, but should not be. */
  readonly onTrouble: (what: string) => void;
  /** From 0 on; the first warms up. */
  readonly onRound: (what: string, round: number, rounds: number) => void;
}

/** All scenarios of one backend, on one server of its own. What has no part in a scenario has no result. */
export async function bench(
  backend: BackendName,
  scenarios: readonly Scenario[],
  run: BenchRun,
  onResult: (result: Result) => Promise<unknown>,
): Promise<void> {
  await using place = await openPlace(backend, run.shared);
  // What other processes must know of is there before they are.
  await using prepared = await preparationsOf(backend, run);
  await using processes = new Processes();
  void prepared;
  const counter = counterFor(backend, place.url);
  const arena: Arena = { backend, url: place.url, quick: run.quick, counter, processes };
  for (const scenario of scenarios) {
    const lines = await linesOf(scenario, arena, run);
    if (lines.length > 0) await onResult({ backend, version: place.version, scenario: headOf(scenario), lines });
  }
}

async function preparationsOf(backend: BackendName, run: BenchRun): Promise<AsyncDisposable> {
  const takingPart = (await contendersOf(backend)).filter((contender) => run.takesPart(contender));
  const prepared = await Promise.all(takingPart.flatMap(({ prepare }) => (prepare === undefined ? [] : [prepare()])));
  return {
    async [Symbol.asyncDispose]() {
      await Promise.all(prepared.map((what) => what[Symbol.asyncDispose]()));
    },
  };
}

async function linesOf(scenario: Scenario, arena: Arena, run: BenchRun): Promise<Line[]> {
  const { entrants, missing } = await entrantsOf(scenario, arena, run);
  if (entrants.length === 0) return missing;
  try {
    const rounds = Math.min(run.rounds, scenario.rounds ?? Infinity);
    const limitMs = scenario.limitMs ?? SLICE_LIMIT_MS;
    const onRound = (round: number): void => run.onRound(`${arena.backend} ${scenario.id}`, round, rounds);
    return [
      ...compared(await interleave(entrants, { rounds, warmUps: run.quick ? 0 : 1, seed: run.seed, limitMs, onRound })),
      ...missing,
    ];
  } finally {
    await Promise.all(entrants.map((entrant) => closed(entrant, run)));
  }
}

async function closed(entrant: Entrant, run: BenchRun): Promise<void> {
  try {
    await within(CLOSE_MS, entrant.close(), 'its end');
  } catch (error) {
    run.onTrouble(`${entrant.name}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function entrantsOf(
  scenario: Scenario,
  arena: Arena,
  run: BenchRun,
): Promise<{ readonly entrants: Entrant[]; readonly missing: Line[] }> {
  const entrants: Entrant[] = [];
  const missing: Line[] = [];
  const base = scenario.base?.(arena);
  if (base !== undefined) entrants.push(base);
  for (const [place, contender] of (await contendersOf(arena.backend)).entries()) {
    if (place > 0 && !run.takesPart(contender)) continue;
    if (contender.only?.some((prefix) => scenario.id.startsWith(prefix)) === false) continue;
    if (contender.missing !== undefined) {
      missing.push({ name: contender.name, failed: contender.missing });
      continue;
    }
    try {
      const entrant = await scenario.enter(contender, arena);
      if (entrant !== undefined) entrants.push(entrant);
    } catch (error) {
      missing.push({ name: contender.name, failed: error instanceof Error ? error.message : String(error) });
    }
  }
  // A base alone, or who can't run anywhere, is nothing to report.
  return entrants.some(({ name }) => name !== base?.name) ? { entrants, missing } : { entrants: [], missing: [] };
}

/** The first is what the others are ratios to. */
function compared(measured: readonly Measured[]): Line[] {
  const [base] = measured;
  return measured.map(({ name, figures, also, failed }) => {
    if (figures.length === 0) return { name, failed: failed ?? 'no figure' };
    const found = ratios(figures, base?.figures ?? []);
    return {
      name,
      figure: median(figures),
      ...(found.length === 0 ? {} : { ratio: spread(found) }),
      ...(also === undefined ? {} : { also }),
      ...(failed === undefined ? {} : { failed }),
    };
  });
}

function headOf({ id, title, unit, better }: Scenario): Result['scenario'] {
  return { id, title, unit, better };
}
