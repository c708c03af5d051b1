import type { Attempt, Held } from '../history/attempts.ts';
import { isHeld } from '../history/attempts.ts';
import { connectionFaults, touches } from '../history/faults.ts';
import type { FaultKind } from '../history/events.ts';
import { MICROS_PER_MS } from '../clock.ts';
import type { Case } from './violation.ts';

/** Why an older hold may go on beside a newer one without a broken promise. */
export type Excuse = 'theft' | 'disconnect' | 'failover';

/** What may make another member lead. */
const failoverFaults: ReadonlySet<FaultKind> = new Set([
  'failover',
  'member-kill',
  'member-freeze',
  'partition',
  'isolation',
  'loss',
]);

/** The excuses of one name. The fencing rule has none: whatever is excused here must be harmless there. */
export class Excuses {
  readonly #case: Case;
  readonly #thieves: readonly Attempt[];

  constructor(examined: Case, attempts: readonly Attempt[]) {
    this.#case = examined;
    this.#thieves = attempts.filter(({ steal }) => steal);
  }

  of(older: Held, newer: Held): Excuse | undefined {
    if (this.#stolen(older, newer)) return 'theft';
    return this.#disconnected(older, newer) ? 'disconnect' : undefined;
  }

  /**
   * Where a failover may forget a grant, its holder knows by its deadline at the latest. Tokens of requests made one after the other have to grow all the same;
   * those of two that were under way at the same time may be of two masters.
   */
  forgotten(older: Held, newer: Held): boolean {
    const { terms, faults } = this.#case;
    if (terms.forgets !== true) return false;
    const tail = (terms.ttlMs + terms.slackMs) * MICROS_PER_MS;
    return faults.some(
      (fault) => failoverFaults.has(fault.kind) && fault.from < newer.hold.from && fault.until + tail > older.hold.from,
    );
  }

  /** Its holder learns of a theft by a message, and after the thief others follow. */
  #stolen(older: Held, newer: Held): boolean {
    return this.#thieves.some((thief) => {
      if (isHeld(thief)) return thief.hold.token > older.hold.token && thief.hold.token <= newer.hold.token;
      // It came to no grant that its client saw, but the backend may have carried it out.
      return thief.invokedAt < newer.hold.from && (thief.answeredAt ?? Infinity) > older.hold.from;
    });
  }

  /** Where the backend frees a lock when it sees the connection end, it may see so before the client can. */
  #disconnected(older: Held, newer: Held): boolean {
    const { terms, faults } = this.#case;
    if (terms.takeover !== 'on-disconnect') return false;
    const tail = (terms.ttlMs + terms.slackMs) * MICROS_PER_MS;
    return faults.some(
      (fault) =>
        connectionFaults.has(fault.kind) &&
        touches(fault, older.client) &&
        fault.from < newer.hold.from &&
        fault.until + tail > older.hold.from,
    );
  }
}
