/** Finer than this the times of requests are not told apart, in ms. */
const GRAIN_MS = 10;

/**
 * What the answers on a connection prove: until when the one clock that ends sessions, the leader's, has heard of this one.
 *
 * A server alone, or a leader, hears of it with every request. A follower notes it, and passes its notes on when the leader asks,
 * every half tick. So an answer for which the follower had to ask the leader, to a request sent at t, proves what
 * was sent before t − `relayMs`.
 */
export class Proofs {
  /** When requests were sent, oldest first. */
  #sent: number[] = [];

  /** @param at in ms of the monotonic clock, never less than before */
  sent(at: number): void {
    if (at - (this.#sent.at(-1) ?? -Infinity) >= GRAIN_MS) this.#sent.push(at);
  }

  /** A request that was sent at `at` is answered: the latest time that this proves, if any. */
  answered(at: number, relayMs: number): number | undefined {
    const count = this.#sent.findLastIndex((sentAt) => sentAt <= at - relayMs) + 1;
    const proved = this.#sent[count - 1];
    this.#sent = this.#sent.slice(Math.max(count - 1, 0));
    return proved;
  }
}
