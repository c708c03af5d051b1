/** The bound that core's lease has on the rates of two clocks. */
const DRIFT_FRACTION = 0.01;
/** An older reading says nothing, in ms. */
const MAX_AGE_MS = 30_000;

interface Reading {
  /** Monotonic ms at which the record was first sent whose append time this is. */
  readonly startedAt: number;
  /** ms */
  readonly broker: number;
}

/**
 * How the leader's clock runs against this process's monotonic clock, so that a grant can be dated whose record may have been long
 * under way: who was frozen finds old records in its socket, and the time of receipt proves nothing.
 *
 * A record sent at local time S was appended when the broker's clock showed s, no earlier than S. So a record with append time g was
 * appended no earlier than S + (g − s), as long as both clocks run at the same rate (1 % is allowed for) and the broker's is not set
 * *forward* in between; leases have a margin for that, `skewMs`. A step *back* dates too early, which is safe.
 */
export class BrokerClock {
  #reading: Reading | undefined;

  read(startedAt: number, broker: number): void {
    if (this.#reading === undefined || startedAt >= this.#reading.startedAt) this.#reading = { startedAt, broker };
  }

  /** Another broker leads from now on, with a clock of its own. */
  forget(): void {
    this.#reading = undefined;
  }

  /** The earliest local time at which the broker's clock can have shown `broker`; `undefined` if that is not known. */
  earliest(broker: number, receivedAt: number): number | undefined {
    if (this.#reading === undefined) return undefined;
    const age = receivedAt - this.#reading.startedAt;
    // Append times are whole ms: the one of the reading may be up to 1 ms later than it says, and that of the grant is not.
    const at = this.#reading.startedAt + (broker - this.#reading.broker) - 1 - age * DRIFT_FRACTION;
    if (age > MAX_AGE_MS || at > receivedAt) return undefined;
    return at;
  }
}
