import { setTimeout as delay } from 'node:timers/promises';
import { batched, CONFIRM_MS, driftMarginMs, Lease, monotonicMs } from '@holdfast/core/adapter';
import type { Grant, LockRequest, QueueEntry, RenewResult } from '@holdfast/core/adapter';
import type { Partition } from './partition.ts';
import type { Ticket } from './ticket.ts';

export interface KafkaGrant extends Grant {
  readonly lease: Lease;
  readonly ticket: Ticket;
  readonly partition: Partition;
}

/** A failed confirmation is tried again after this time, in ms. */
const CONFIRM_RETRY_MS = 100;
/** Owners in one record. */
const CHUNK = 1000;

/** Makes leases; what is due for renewal at the same time goes into one record for each partition. */
export class Holds {
  readonly #skewMs: number;
  readonly #renewals = new Map<Partition, (ticket: Ticket) => Promise<RenewResult>>();

  constructor(skewMs: number) {
    this.#skewMs = skewMs;
  }

  /** `provedAt`: when the record was first sent that proves the hold. */
  add(partition: Partition, ticket: Ticket, entry: QueueEntry, provedAt: number): KafkaGrant {
    const { ttlMs, renew: auto } = ticket.request;
    const renew = (): Promise<RenewResult> => this.#renewalOf(partition)(ticket);
    const lease = new Lease({ ttlMs, provedAt, auto, skewMs: this.#skewMs, renew });
    ticket.lease = lease;
    return { fencingToken: entry.token ?? 0n, lease, ticket, partition };
  }

  /**
   * A grant by somebody else's record, made no earlier than `grantedAt`. The log keeps it for {@link confirmMs}, and for a ttl from the
   * renewal that follows. `undefined` if too little of that time is certain.
   */
  addPushed(partition: Partition, ticket: Ticket, entry: QueueEntry, grantedAt: number): KafkaGrant | undefined {
    const { ttlMs } = ticket.request;
    const life = confirmMs(ticket.request);
    const margin = driftMarginMs(life);
    if (grantedAt + life - margin - this.#skewMs - monotonicMs() < life / 4) return undefined;
    // The lease takes a ttl and its margin from `provedAt`; what ends then is the shorter life with its own margin.
    const provedAt = grantedAt - (ttlMs - life) + (driftMarginMs(ttlMs) - margin);
    const grant = this.add(partition, ticket, entry, provedAt);
    if (life < ttlMs) void confirm(grant.lease, Math.max(grantedAt + life / 4 - monotonicMs(), 0));
    return grant;
  }

  #renewalOf(partition: Partition): (ticket: Ticket) => Promise<RenewResult> {
    let renewal = this.#renewals.get(partition);
    if (renewal === undefined) {
      renewal = batched((tickets: readonly Ticket[]) => renewAll(partition, tickets));
      this.#renewals.set(partition, renewal);
    }
    return renewal;
  }
}

async function renewAll(partition: Partition, tickets: readonly Ticket[]): Promise<RenewResult[]> {
  // What was released in the meantime needs no renewal: short holds end before they are confirmed.
  const owners = tickets.filter(({ lease }) => lease?.state !== 'ended').map(({ request }) => request.owner);
  const chunks = Array.from({ length: Math.ceil(owners.length / CHUNK) }, (_, i) =>
    owners.slice(i * CHUNK, (i + 1) * CHUNK),
  );
  await Promise.all(chunks.map((chunk) => partition.append({ type: 'renew', owners: chunk })));
  return tickets.map(({ state }) => {
    if (state.kind === 'granted') return 'renewed';
    return state.kind === 'gone' ? state.reason : 'expired';
  });
}

/** How long the log keeps a grant that somebody else's record brought about, until it is renewed. */
function confirmMs({ ttlMs }: LockRequest): number {
  return Math.min(ttlMs, CONFIRM_MS);
}

/**
 * Not at once: most holds are over by then, and cost no record. The lease itself would come too late: its ttl is longer than that
 * of the grant, and it tries again only after a tenth of it. Its state and events tell the outcome.
 */
async function confirm(lease: Lease, afterMs: number): Promise<void> {
  await delay(afterMs, undefined, { ref: false });
  while (lease.state === 'held' || lease.state === 'unknown') {
    const confirmed = await lease.renew().then(
      () => true,
      () => false,
    );
    if (confirmed) return;
    await delay(CONFIRM_RETRY_MS, undefined, { ref: false });
  }
}
