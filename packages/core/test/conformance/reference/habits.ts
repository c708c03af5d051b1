/** What a client does. The defaults are right; each mutant has one that is wrong. Plain data: it is sent to peers. */
export interface Habits {
  readonly countsFromAnswer: boolean;
  readonly takesBack: boolean;
  readonly renews: boolean;
  readonly renewsForever: boolean;
  readonly takesFailureForRenewal: boolean;
  readonly takesDisconnectForLoss: boolean;
  readonly confirms: boolean;
  readonly reenters: boolean;
  readonly tellsContended: boolean;
  readonly closesConnection: boolean;
  readonly keepsProcessAlive: boolean;
  /** Asks again every so many ms instead of listening. */
  readonly pollsMs: number | undefined;
  /** Of every request, whatever was asked for. */
  readonly ttlMs: number | undefined;
}

const right: Habits = {
  countsFromAnswer: false,
  takesBack: true,
  renews: true,
  renewsForever: false,
  takesFailureForRenewal: false,
  takesDisconnectForLoss: false,
  confirms: true,
  reenters: true,
  tellsContended: true,
  closesConnection: true,
  keepsProcessAlive: false,
  pollsMs: undefined,
  ttlMs: undefined,
};

export function habitsOf(wrong: Partial<Habits>): Habits {
  return { ...right, ...wrong };
}
