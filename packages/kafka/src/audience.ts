import type { QueueEntry } from '@holdfast/core/adapter';
import type { BrokerClock } from './broker-clock.ts';
import type { Change } from './fold.ts';
import type { Folded } from './follower.ts';
import type { GrantedBy, Ticket } from './ticket.ts';

/** The requests of this process in one partition, which hear what the log makes of them. */
export class Audience {
  readonly #clock: BrokerClock;
  readonly #tickets = new Map<string, Ticket>();
  /** Of requests that were in the queue before the state was built anew, until that is done. */
  readonly #reloaded = new Set<Ticket>();

  constructor(clock: BrokerClock) {
    this.#clock = clock;
  }

  add(ticket: Ticket): void {
    this.#tickets.set(ticket.request.owner, ticket);
  }

  /** Whether it was still there. */
  remove(ticket: Ticket): boolean {
    return this.#tickets.delete(ticket.request.owner);
  }

  has(owner: string): boolean {
    return this.#tickets.has(owner);
  }

  /**
   * The state is about to be built anew. What is going to be folded has been told to them already, perhaps; what they are at the end
   * counts. One that is entering learns from its own record.
   */
  reloading(): void {
    for (const ticket of this.#tickets.values()) if (ticket.state.kind !== 'entering') this.#reloaded.add(ticket);
  }

  /** Those who were in the queue before the state was built anew, now that it is. */
  reloaded(): Ticket[] {
    const tickets = [...this.#reloaded];
    this.#reloaded.clear();
    return tickets;
  }

  tell({ granted, ended, left }: Change, { record, mark, receivedAt }: Folded): void {
    // First who is gone: an owner may come again by the very record that ends its earlier entry.
    for (const { entry, reason } of ended) this.#listening(entry)?.ended(reason);
    for (const entry of granted) {
      const own = record.type === 'request' && record.owner === entry.owner;
      const by: GrantedBy = own
        ? { kind: 'request' }
        : { kind: 'push', grantedAt: this.#clock.earliest(mark.appendedAt, receivedAt) };
      this.#listening(entry)?.granted(entry, by);
    }
    if (left !== undefined) this.#listening(left)?.ended('expired');
  }

  fail(error: unknown): void {
    for (const ticket of this.#tickets.values()) ticket.fail(error);
  }

  #listening({ owner }: QueueEntry): Ticket | undefined {
    const ticket = this.#tickets.get(owner);
    return ticket === undefined || this.#reloaded.has(ticket) ? undefined : ticket;
  }
}
