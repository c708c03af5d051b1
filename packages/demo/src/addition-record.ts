/** One addition, as it happened. Times are wall clock in ms, all of one host. */
export interface Addition {
  /** Counted from 0. */
  readonly worker: number;
  /** When the process that was to add was started; from here to `enteredAt` it starts and waits. */
  readonly startedAt: number;
  readonly enteredAt: number;
  readonly leftAt: number;
  /** What it wrote. */
  readonly value: number;
  /** A 63-bit integer in decimal; absent without a lock. */
  readonly token?: string;
}

/** How many were inside at the same time, at most. */
export function mostAtOnce(additions: readonly Addition[]): number {
  const steps = additions.flatMap(({ enteredAt, leftAt }) => [
    { at: enteredAt, change: 1 },
    { at: leftAt, change: -1 },
  ]);
  // Within one millisecond the one that leaves goes first: nothing finer was measured.
  steps.sort((a, b) => a.at - b.at || a.change - b.change);
  let inside = 0;
  let most = 0;
  for (const { change } of steps) most = Math.max(most, (inside += change));
  return most;
}

/** The fencing tokens in the order of entry. */
export function tokensInOrder(additions: readonly Addition[]): bigint[] {
  const entered = additions.toSorted((a, b) => a.enteredAt - b.enteredAt);
  return entered.flatMap(({ token }) => (token === undefined ? [] : [BigInt(token)]));
}

export function strictlyIncrease(tokens: readonly bigint[]): boolean {
  return tokens.every((token, index) => index === 0 || token > tokens[index - 1]!);
}
