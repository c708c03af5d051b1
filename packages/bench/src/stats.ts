/** Of some numbers: the middle one, and the middle half. */
export interface Spread {
  readonly median: number;
  readonly low: number;
  readonly high: number;
  readonly count: number;
}

/** By linear interpolation between the two nearest (R's type 7). */
export function quantile(values: readonly number[], q: number): number {
  if (values.length === 0) throw new RangeError('Expected at least one number');
  const sorted = values.toSorted((a, b) => a - b);
  const at = (sorted.length - 1) * q;
  const below = sorted[Math.floor(at)] ?? 0;
  const above = sorted[Math.ceil(at)] ?? 0;
  return below + (above - below) * (at - Math.floor(at));
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** With the first and the third quartile. */
export function spread(values: readonly number[]): Spread {
  return { median: median(values), low: quantile(values, 0.25), high: quantile(values, 0.75), count: values.length };
}

/** Of two figures of each round, so that what the machine did in that round is in both. */
export function ratios(figures: readonly number[], bases: readonly number[]): number[] {
  return figures.flatMap((figure, round) => {
    const base = bases[round];
    return base === undefined || base === 0 ? [] : [figure / base];
  });
}
