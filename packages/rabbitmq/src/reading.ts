/** A message of a lock's queue, as the broker served it. */
export interface Served {
  readonly epoch: bigint;
  readonly id: string;
  /** It was served before, to whomever, and came back (`redelivered`). Those are served before all that never were. */
  readonly isReturned: boolean;
}

export interface Proposal {
  readonly id: string;
  readonly epoch: bigint;
}

/**
 * What a request knows of the queue. `kept` is the greatest message that it was served, of equals the last, and the only one that it does not
 * acknowledge. `remembers`: something came back that carried a number, so the count goes on from there.
 */
export type Reading<S extends Served> =
  | { readonly phase: 'waiting' }
  | { readonly phase: 'taking'; readonly kept: S; readonly remembers: boolean; readonly proposal: Proposal }
  | { readonly phase: 'holding'; readonly kept: S; readonly epoch: bigint }
  | { readonly phase: 'lost' };

export interface Step<S extends Served> {
  readonly reading: Reading<S>;
  /** To acknowledge. */
  readonly dropped?: S | undefined;
}

/** The number and the name of the next proposal, above `least`; the clock counts only where the queue remembers nothing. */
export type Propose = (least: bigint, remembers: boolean) => Proposal;

/**
 * The whole protocol: a request that is served proposes a number above all that it has read, and holds when the proposal comes back to it and
 * *was never served before*. Why that is enough, and why tokens grow, is proved in docs/decisions/040; test/explore.test.ts goes through every order
 * of events of small scenes.
 */
export function read<S extends Served>(before: Reading<S>, served: S, propose: Propose): Step<S> {
  switch (before.phase) {
    case 'waiting': {
      const remembers = isMemory(served);
      return {
        reading: { phase: 'taking', kept: served, remembers, proposal: propose(served.epoch + 1n, remembers) },
      };
    }
    case 'taking': {
      const { kept, dropped } = sorted(before.kept, served);
      const { epoch, id } = before.proposal;
      // A proposal that still stands is above all that was read.
      if (served.id === id && !served.isReturned) return { reading: { phase: 'holding', kept, epoch }, dropped };
      const remembers = before.remembers || isMemory(served);
      // What came back may tell that we were passed over: then others may have read the proposal already, and dropped it.
      const isVoid = served.isReturned || served.epoch >= epoch;
      const proposal = isVoid ? propose(kept.epoch + 1n, remembers) : before.proposal;
      return { reading: { phase: 'taking', kept, remembers, proposal }, dropped };
    }
    case 'holding': {
      // As long as we are active nothing comes back: the cluster took us for dead, and made us active again.
      if (served.isReturned) return { reading: { phase: 'lost' } };
      const { kept, dropped } = sorted(before.kept, served);
      return { reading: { ...before, kept }, dropped };
    }
    case 'lost':
      return { reading: before };
  }
}

function sorted<S extends Served>(kept: S, served: S): { kept: S; dropped: S } {
  return served.epoch >= kept.epoch ? { kept: served, dropped: kept } : { kept, dropped: served };
}

function isMemory({ isReturned, epoch }: Served): boolean {
  return isReturned && epoch > 0n;
}
