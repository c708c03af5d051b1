/** The bound that core's lease has on the rates of two clocks. */
const DRIFT_FRACTION = 0.01;
/** An older reading says nothing, in ms. */
const MAX_AGE_MS = 30_000;

interface Reading {
  /** Monotonic ms at which the request was sent that brought the reading. */
  readonly startedAt: number;
  /** µs */
  readonly server: number;
}

/**
 * How the server's clock runs against this process's monotonic clock, so that a message can be dated that may have been
 * long under way (a process that was frozen finds old messages in its socket; the time of receipt proves nothing).
 *
 * A request sent at local time S found the server's clock at s. The server read s no earlier than S, so a later moment at
 * which its clock shows g comes no earlier than S + (g − s), as long as both clocks run at the same rate (1 % is allowed for)
 * and the server's is not set *forward* in between. If it was, by J, the moment is dated too late by at most J, and never
 * later than the receipt. A date after the receipt shows such a step, and is refused. An unseen step must be smaller than
 * the message's delay, and fall into the {@link MAX_AGE_MS} between reading and grant: every lock on Redis relies on its
 * server's clock not being set forward by more than `skewMs` within a ttl, and a lease has that margin. A step *back* dates
 * too early, which is safe. The newest reading counts, not the tightest, so that one from before a step does not stay.
 */
export class ServerClock {
  #reading: Reading | undefined;

  /** `server`: what the script's TIME said, in µs. A greater number is safe: it dates earlier. */
  read(startedAt: number, server: number): void {
    if (this.#reading === undefined || startedAt >= this.#reading.startedAt) this.#reading = { startedAt, server };
  }

  /** The connection broke: the next one may lead to another server. */
  forget(): void {
    this.#reading = undefined;
  }

  /** The earliest local time at which the server's clock can have shown `server` (µs); `undefined` if that is not known. */
  earliest(server: number, receivedAt: number): number | undefined {
    if (this.#reading === undefined) return undefined;
    const age = receivedAt - this.#reading.startedAt;
    const drift = age * DRIFT_FRACTION;
    const at = this.#reading.startedAt + (server - this.#reading.server) / 1000;
    if (age > MAX_AGE_MS || at - drift > receivedAt) return undefined;
    return at - drift;
  }
}
