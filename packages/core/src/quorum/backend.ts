import { setTimeout as delay } from 'node:timers/promises';
import type { Capabilities, Diagnosis, LockBackend, LockRequest, ReleaseResult } from '../contract.ts';
import { InvalidArgumentError } from '../errors.ts';
import { pollUntilGranted } from '../poll.ts';
import { Ballot, majorityOf } from './ballot.ts';
import { diagnose } from './diagnose.ts';
import type { QuorumGrant } from './hold.ts';
import { manifestOf, POLL_MS } from './manifest.ts';
import { Member } from './member.ts';
import type { VotingBackend } from './members.ts';
import { releaseAll } from './release.ts';
import { Seat } from './seat.ts';

/** How long `close` waits for members that hang to answer what they were asked, in ms. */
const CLOSE_GRACE_MS = 1000;

/** A lock that a majority of independent backends grants. See docs/decisions/066-quorum.md. */
export class QuorumBackend implements LockBackend<QuorumGrant> {
  readonly name = 'quorum';
  readonly capabilities: Capabilities;
  readonly #members: readonly Member[];
  readonly #majority: number;
  readonly #maxTtlMs: number;
  /** What goes on after a request was answered. */
  readonly #underWay = new Set<Promise<unknown>>();
  #closed: Promise<void> | undefined;

  constructor(backends: readonly VotingBackend[]) {
    this.capabilities = manifestOf(backends);
    this.#members = backends.map((backend) => new Member(backend));
    this.#majority = majorityOf(backends.length);
    this.#maxTtlMs = Math.min(...backends.map(({ voting }) => voting.maxTtlMs));
  }

  async acquire(request: LockRequest): Promise<QuorumGrant | null> {
    if (request.ttlMs > this.#maxTtlMs) throw this.#tooLong(request.ttlMs);
    const seats = this.#members.map((member) => new Seat(member));
    let isContended = false;
    const attempt = async (): Promise<QuorumGrant | null> => {
      request.signal.throwIfAborted();
      const outcome = await new Ballot(request, seats).outcome;
      if (outcome.type === 'granted') return outcome.hold;
      // Who waits already outlasts an outage, and a grant that was over when it came is asked for again.
      const goesOn = request.wait && (isContended || outcome.type !== 'unreachable');
      if (outcome.type !== 'refused' && !goesOn) throw outcome.error;
      if (outcome.type === 'refused' && request.wait) {
        isContended = true;
        request.onContended();
      }
      return null;
    };
    try {
      if (!request.wait) return await attempt();
      return await pollUntilGranted(attempt, { signal: request.signal, maxDelayMs: POLL_MS });
    } finally {
      this.#track(Promise.all(seats.map(({ clear }) => clear)));
    }
  }

  release(grant: QuorumGrant): Promise<ReleaseResult> {
    return releaseAll(grant.end(), this.#majority, (told) => this.#track(told));
  }

  diagnose(): Promise<Diagnosis> {
    return diagnose(this.#members.map(({ backend }) => backend));
  }

  /** Closes the members, too. */
  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  async #close(): Promise<void> {
    await Promise.race([Promise.all(this.#underWay), delay(CLOSE_GRACE_MS, undefined, { ref: false })]);
    const outcomes = await Promise.allSettled(this.#members.map(({ backend }) => backend.close()));
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  }

  /** `work` must not reject. */
  #track(work: Promise<unknown>): void {
    this.#underWay.add(work);
    void work.then(() => this.#underWay.delete(work));
  }

  #tooLong(ttlMs: number): InvalidArgumentError {
    return new InvalidArgumentError(
      `Expected \`ttl\` to be at most ${this.#maxTtlMs} ms in this quorum, whose members vote again so long after a restart; got ${ttlMs}`,
    );
  }
}
