import { shuffled } from './random.ts';
import { within } from './within.ts';

/** One contender's part in a scenario, ready to be measured again and again. */
export interface Entrant {
  readonly name: string;
  /** A figure of one short slice. */
  measure(): Promise<number>;
  /** What else it saw, once all rounds are over; each with its unit in its name. */
  also?(): Readonly<Record<string, number>>;
  close(): Promise<unknown>;
}

export interface Measured {
  readonly name: string;
  /** One for each round that counts. */
  readonly figures: readonly number[];
  readonly also?: Readonly<Record<string, number>>;
  /** Why it has none, or not all. */
  readonly failed?: string;
}

export interface InterleaveOptions {
  readonly rounds: number;
  /** Rounds before those, which do not count. */
  readonly warmUps: number;
  readonly seed: number;
  /** Who has no figure of a slice by then is out, in ms. */
  readonly limitMs: number;
  readonly onRound: (round: number) => void;
}

/**
 * Measures all entrants in short slices by turns, in another order each round, so that whatever else the machine does meets all of them
 * alike. Who fails once is out.
 */
export async function interleave(
  entrants: readonly Entrant[],
  { rounds, warmUps, seed, limitMs, onRound }: InterleaveOptions,
): Promise<Measured[]> {
  const figures = new Map<Entrant, number[]>(entrants.map((entrant) => [entrant, []]));
  const failures = new Map<Entrant, string>();
  for (let round = 1 - warmUps; round <= rounds; round += 1) {
    onRound(round);
    for (const entrant of shuffled(entrants, seed + round)) {
      if (failures.has(entrant)) continue;
      try {
        const figure = await within(limitMs, entrant.measure(), 'a slice');
        if (round > 0) figures.get(entrant)?.push(figure);
      } catch (error) {
        failures.set(entrant, error instanceof Error ? error.message : String(error));
      }
    }
  }
  return entrants.map((entrant) => {
    const failed = failures.get(entrant);
    const also = entrant.also?.();
    return {
      name: entrant.name,
      figures: figures.get(entrant) ?? [],
      ...(also === undefined ? {} : { also }),
      ...(failed === undefined ? {} : { failed }),
    };
  });
}
