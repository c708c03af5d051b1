import { shuffled } from './random.ts';

/** One contender's part in a scenario, ready to be measured again and again. */
export interface Entrant {
  readonly name: string;
  /** A figure of one short slice. */
  measure(): Promise<number>;
  close(): Promise<unknown>;
}

export interface Measured {
  readonly name: string;
  /** One for each round; the first, warm-up round is left out. */
  readonly figures: readonly number[];
  /** Why it has none, or not all. */
  readonly failed?: string;
}

/**
 * Measures all entrants in short slices by turns, in another order each round, so that whatever else the machine does meets all of them
 * alike. Who fails once is out.
 */
export async function interleave(
  entrants: readonly Entrant[],
  {
    rounds,
    seed,
    onRound,
  }: { readonly rounds: number; readonly seed: number; readonly onRound: (round: number) => void },
): Promise<Measured[]> {
  const figures = new Map<Entrant, number[]>(entrants.map((entrant) => [entrant, []]));
  const failures = new Map<Entrant, string>();
  for (let round = 0; round <= rounds; round += 1) {
    for (const entrant of shuffled(entrants, seed + round)) {
      if (failures.has(entrant)) continue;
      try {
        const figure = await entrant.measure();
        if (round > 0) figures.get(entrant)?.push(figure);
      } catch (error) {
        failures.set(entrant, error instanceof Error ? error.message : String(error));
      }
    }
    onRound(round);
  }
  return entrants.map((entrant) => {
    const failed = failures.get(entrant);
    return { name: entrant.name, figures: figures.get(entrant) ?? [], ...(failed === undefined ? {} : { failed }) };
  });
}
