import { monotonicMs } from '../clock.ts';
import type { Grant, LockRequest } from '../contract.ts';
import { driftMarginMs } from '../lease-terms.ts';
import { QuorumGrant, unreachable } from './hold.ts';
import { GRACE_MS } from './member.ts';
import { mostlyClear } from './seat.ts';
import type { Seat } from './seat.ts';
import { giveBack } from './vote.ts';
import type { Vote } from './vote.ts';
import { VoteRequest } from './vote-request.ts';

/**
 * `refused`: somebody else has the lock, or a part of the votes. `unreachable`: no majority answered, and why. `late`: one did grant, but too
 * slowly for the ttl.
 */
export type Outcome =
  | { readonly type: 'granted'; readonly hold: QuorumGrant }
  | { readonly type: 'refused' }
  | { readonly type: 'unreachable' | 'late'; readonly error: Error };

/**
 * A proposal is greater than what a member would grant with if its clock is less than this ahead of ours when it gets there, in ms. Where it is not, it
 * costs a round trip.
 */
const AHEAD_MS = 500;

/**
 * All members are asked at once, and what a majority says counts, whatever the others do. The token is the greatest of that majority's; each
 * of its members must know it before the grant counts (`Voting.raise`), so that the next majority, which has one of them, gets a greater one.
 * What is granted in vain is given back; what is granted later than the majority's becomes one more vote of the hold.
 */
export class Ballot {
  /** Rejects with the reason of the request's abort. All that was granted in vain has been given back by then, by the members that answer. */
  readonly outcome: Promise<Outcome>;
  readonly #request: LockRequest;
  readonly #seats: readonly Seat[];
  readonly #majority: number;
  readonly #startedAt: number = monotonicMs();
  readonly #proposal = BigInt(Date.now() + AHEAD_MS) * 1000n;
  readonly #pending = new Set<VoteRequest>();
  readonly #votes = new Map<Seat, Vote>();
  /** Those whose member knows the token. */
  readonly #raised: Vote[] = [];
  readonly #failures: unknown[] = [];
  #refusals = 0;
  /** Set once a majority has granted. */
  #token: bigint | undefined;
  #hold: QuorumGrant | undefined;
  #isOver = false;
  readonly #timer: NodeJS.Timeout;
  #patience: NodeJS.Timeout | undefined;
  #resolve: (outcome: Outcome) => void = () => undefined;
  #reject: (reason: unknown) => void = () => undefined;

  constructor(request: LockRequest, seats: readonly Seat[]) {
    this.#request = request;
    this.#seats = seats;
    this.#majority = majorityOf(seats.length);
    this.outcome = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    const { ttlMs, signal } = request;
    // Later than this nothing that was granted could be used any more.
    this.#timer = setTimeout(() => this.#lose('late'), ttlMs - driftMarginMs(ttlMs)).unref();
    signal.addEventListener('abort', this.#onAbort, { once: true });
    for (const seat of seats) seat.add(() => this.#ask(seat));
  }

  readonly #onAbort = (): void => {
    const { signal } = this.#request;
    void this.#giveUp().then(() => this.#reject(signal.reason));
  };

  /** Never rejects; lasts until the member has answered, and knows the token or has its vote back. */
  async #ask(seat: Seat): Promise<void> {
    if (this.#isOver) return;
    const request = new VoteRequest(this.#request, this.#proposal);
    this.#pending.add(request);
    const answer = await seat.member.ask(request).then(
      (grant) => ({ grant }),
      (error: unknown) => ({ error }),
    );
    this.#pending.delete(request);
    if ('error' in answer) this.#failures.push(answer.error);
    else if (answer.grant === null) this.#refusals += 1;
    else return await this.#granting(seat, answer.grant);
    this.#consider();
  }

  async #granting(seat: Seat, grant: Grant): Promise<void> {
    const vote: Vote = { member: seat.member, grant };
    if (this.#isLost) return await giveBack(vote);
    this.#votes.set(seat, vote);
    if (this.#token === undefined) this.#consider();
    else await this.#raise(seat, vote, this.#token);
  }

  #consider(): void {
    if (this.#isOver) return;
    if (this.#isHopeless) return this.#lose('refused');
    if (this.#token !== undefined) return;
    const answers = this.#votes.size + this.#refusals;
    if (this.#votes.size >= this.#majority) this.#elect();
    // Some votes are another's: to keep the rest for the sake of a member that hangs would stand in everybody's way.
    else if (this.#refusals > 0 && answers >= this.#majority) this.#loseSoon();
  }

  #elect(): void {
    const token = [...this.#votes.values()].reduce((max, { grant }) => bigger(max, grant.fencingToken), 0n);
    this.#token = token;
    for (const [seat, vote] of this.#votes) seat.add(() => this.#raise(seat, vote, token));
  }

  /** The member keeps this vote only if it has the token: then it is one of the majority's, or one more for the hold. */
  async #raise(seat: Seat, vote: Vote, token: bigint): Promise<void> {
    if (this.#isLost) return;
    const isRaised =
      vote.grant.fencingToken >= token ||
      (await seat.member.raise(vote.grant, token).catch((error: unknown) => {
        this.#failures.push(error);
        return undefined;
      }));
    // It is among those that were to be given back after this.
    if (this.#isLost) return;
    if (this.#hold !== undefined) {
      if (isRaised !== true || !this.#hold.join(vote)) await giveBack(vote);
    } else if (isRaised === true) {
      this.#raised.push(vote);
      if (this.#raised.length >= this.#majority) this.#win(token);
    } else {
      this.#votes.delete(seat);
      if (isRaised === false) this.#refusals += 1;
      if (this.#isHopeless) this.#lose('refused');
      await giveBack(vote);
    }
  }

  #win(token: bigint): void {
    const { ttlMs, renew } = this.#request;
    const hold = new QuorumGrant(token, this.#majority, { ttlMs, provedAt: this.#startedAt, auto: renew });
    for (const vote of this.#raised) hold.join(vote);
    if (!hold.isGood) {
      hold.end();
      return this.#lose('late');
    }
    this.#hold = hold;
    this.#stop();
    this.#resolve({ type: 'granted', hold });
  }

  #loseSoon(): void {
    const soFar = monotonicMs() - this.#startedAt;
    this.#patience ??= setTimeout(
      () => {
        if (this.#token === undefined) this.#lose('refused');
      },
      Math.max(GRACE_MS, soFar),
    ).unref();
  }

  #lose(why: 'refused' | 'late'): void {
    if (this.#isOver) return;
    const isRefused = why === 'refused' && this.#seats.length - this.#failures.length >= this.#majority;
    const isLate = why === 'late' && this.#token !== undefined;
    const outcome: Outcome = isRefused
      ? { type: 'refused' }
      : { type: isLate ? 'late' : 'unreachable', error: unreachable(this.#failures) };
    void this.#giveUp().then(() => this.#resolve(outcome));
  }

  #giveUp(): Promise<void> {
    this.#stop();
    for (const request of this.#pending) request.abort(new Error('The ballot is over'));
    for (const [seat, vote] of this.#votes) seat.add(() => giveBack(vote));
    return mostlyClear(this.#seats, this.#majority);
  }

  #stop(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#patience);
    this.#request.signal.removeEventListener('abort', this.#onAbort);
  }

  /** Over without a hold: whatever comes now is given back. */
  get #isLost(): boolean {
    return this.#isOver && this.#hold === undefined;
  }

  get #isHopeless(): boolean {
    return this.#seats.length - this.#refusals - this.#failures.length < this.#majority;
  }
}

export function majorityOf(members: number): number {
  return Math.floor(members / 2) + 1;
}

function bigger(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
