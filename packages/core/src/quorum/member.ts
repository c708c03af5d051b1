import { monotonicMs } from '../clock.ts';
import type { Grant, LockRequest, ReleaseResult } from '../contract.ts';
import type { VotingBackend } from './members.ts';

/** Who takes longer, in ms, is not waited for where a majority will do. */
export const GRACE_MS = 50;

/** One of the backends that vote. */
export class Member {
  readonly backend: VotingBackend;
  /** When each was begun, the oldest first. */
  readonly #underWay = new Set<{ readonly since: number }>();
  #wasSlow = false;

  constructor(backend: VotingBackend) {
    this.backend = backend;
  }

  /** It failed or was late the last time, or something is under way for too long. */
  get isSlow(): boolean {
    const [oldest] = this.#underWay;
    return this.#wasSlow || (oldest !== undefined && monotonicMs() - oldest.since > GRACE_MS);
  }

  ask(request: LockRequest): Promise<Grant | null> {
    return this.#timed(() => this.backend.acquire(request));
  }

  raise(grant: Grant, token: bigint): Promise<boolean> {
    return this.#timed(() => this.backend.voting.raise(grant, token));
  }

  release(grant: Grant): Promise<ReleaseResult> {
    return this.#timed(() => this.backend.release(grant));
  }

  async #timed<T>(work: () => Promise<T>): Promise<T> {
    const call = { since: monotonicMs() };
    this.#underWay.add(call);
    try {
      const result = await work();
      this.#wasSlow = monotonicMs() - call.since > GRACE_MS;
      return result;
    } catch (error) {
      this.#wasSlow = true;
      throw error;
    } finally {
      this.#underWay.delete(call);
    }
  }
}
