import type { Grant } from '../contract.ts';
import { BackendUnavailableError } from '../errors.ts';
import { Lease } from '../lease.ts';
import type { LeaseSource, LeaseTerms, RenewResult } from '../lease-terms.ts';
import type { Vote } from './vote.ts';

/** A lock that a majority has granted, and all votes for it, also those that came later. */
export class QuorumGrant implements Grant, LeaseSource {
  readonly fencingToken: bigint;
  readonly lease: Lease;
  readonly #majority: number;
  readonly #votes = new Map<Vote, () => void>();

  constructor(fencingToken: bigint, majority: number, terms: LeaseTerms) {
    this.fencingToken = fencingToken;
    this.#majority = majority;
    this.lease = new Lease(terms, this);
  }

  /** Whether it holds: a majority is of its votes, and its time is not over. */
  get isGood(): boolean {
    return this.#votes.size >= this.#majority && this.lease.remainingMs > 0;
  }

  /** One more vote, with the token raised. `false`: the hold is over, or the vote is; give it back. */
  join(vote: Vote): boolean {
    const { state } = this.lease;
    const { lease } = vote.grant;
    if (state === 'lost' || state === 'ended' || lease.remainingMs <= 0) return false;
    this.#votes.set(
      vote,
      lease.observe((event) => {
        if (event.type === 'lost') this.#drop(vote, event.error);
      }),
    );
    return true;
  }

  /** All votes at once: renewed when a majority says so, over when one has become impossible. Rejects when neither is known. */
  renew(): Promise<RenewResult> {
    const votes = [...this.#votes.keys()];
    const unknown: unknown[] = [];
    let renewed = 0;
    let answers = 0;
    return new Promise((resolve, reject) => {
      const answered = (): void => {
        answers += 1;
        if (renewed >= this.#majority) resolve('renewed');
        else if (this.#votes.size < this.#majority) resolve('expired');
        else if (answers === votes.length) reject(unreachable(unknown));
      };
      for (const { grant } of votes) {
        grant.lease.renew().then(
          () => {
            renewed += 1;
            answered();
          },
          (error: unknown) => {
            unknown.push(error);
            answered();
          },
        );
      }
    });
  }

  /** Takes all votes, to give them back; nothing is lost by that. */
  end(): Vote[] {
    this.lease.end();
    return this.#takeAll();
  }

  #drop(vote: Vote, cause: unknown): void {
    this.#votes.get(vote)?.();
    this.#votes.delete(vote);
    if (this.#votes.size < this.#majority) this.lease.lose('expired', cause);
  }

  #takeAll(): Vote[] {
    for (const forget of this.#votes.values()) forget();
    const votes = [...this.#votes.keys()];
    this.#votes.clear();
    return votes;
  }
}

/** What keeps a majority from answering, as the members said it. */
export function unreachable(errors: readonly unknown[]): BackendUnavailableError {
  const said = errors.map((error) => (error instanceof Error ? error.message : String(error)));
  const why = said.length === 0 ? 'too few members answered in time' : [...new Set(said)].join('; ');
  return new BackendUnavailableError(`The quorum has no majority: ${why}`, {
    cause: errors.length === 1 ? errors[0] : new AggregateError(errors, 'What the members said'),
  });
}
