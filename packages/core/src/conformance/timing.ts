import type { Capabilities } from '../contract.ts';

/** A ttl that outlasts what a busy machine does to a process that must renew it, in ms. */
const SHORT_TTL_MS = 1000;
/** How late a busy machine may be with anything, in ms. */
const SLACK_MS = 2000;
/** A backend gives a waiter that it woke at most this long to show that it is alive, in ms; see `CONFIRM_MS`. */
const CONFIRM_MS = 3000;

/** The suite's durations, in ms. They scale with what the manifest declares, and never need to be met exactly. */
export class Timing {
  /** Short enough to wait for its end. */
  readonly ttl: number;
  /** Far longer than any case. */
  readonly longTtl: number;
  /** The longest that a dead or frozen holder may keep others out, with {@link ttl}. */
  readonly takeover: number;
  /** The longest that a dead or frozen waiter may keep those behind it waiting, with {@link ttl}. */
  readonly passedOver: number;
  /** Anything that needs no timer of the backend's own takes less. */
  readonly prompt: number = SLACK_MS;
  /** No case takes longer. */
  readonly limit: number;

  constructor({ ttl: { minMs, granularityMs } }: Capabilities) {
    this.ttl = Math.max(minMs, SHORT_TTL_MS);
    this.longTtl = Math.max(60_000, 20 * minMs);
    this.takeover = this.ttl + granularityMs + SLACK_MS;
    this.passedOver = Math.max(this.ttl, CONFIRM_MS) + granularityMs + SLACK_MS;
    this.limit = 20_000 + 10 * (this.ttl + granularityMs);
  }
}
