import { randomBytes } from 'node:crypto';
import { abortable, LocksClosedError } from '@holdfast/core/adapter';
import type {
  Capabilities,
  Diagnosis,
  LockBackend,
  LockRequest,
  LockSnapshot,
  ReleaseResult,
} from '@holdfast/core/adapter';
import { capabilities } from './capabilities.ts';
import { Cluster } from './cluster.ts';
import { diagnose } from './diagnose.ts';
import { NeverSentError, unavailable, unfit } from './errors.ts';
import { Holds } from './holds.ts';
import type { KafkaGrant } from './holds.ts';
import type { ResolvedOptions } from './options.ts';
import { Partition } from './partition.ts';
import { partitionOf } from './placement.ts';
import { query } from './query.ts';
import { Ticket } from './ticket.ts';

/** How long `close` goes on telling the log what it has not heard yet, in ms. */
const CLOSE_MS = 2000;

/** See README.md for the whole; fold.ts for what the records mean. */
export class KafkaBackend implements LockBackend<KafkaGrant> {
  readonly name = 'kafka';
  readonly capabilities: Capabilities = capabilities;
  readonly #cluster: Cluster;
  readonly #holds: Holds;
  readonly #session = randomBytes(12).toString('base64url');
  readonly #partitions = new Map<number, Partition>();
  #longestTtl = 0;
  #closed: Promise<void> | undefined;

  constructor(options: ResolvedOptions) {
    this.#cluster = new Cluster(options);
    this.#holds = new Holds(options.skewMs);
  }

  async acquire(request: LockRequest): Promise<KafkaGrant | null> {
    request.signal.throwIfAborted();
    const partition = await abortable(this.#partition(request.name), request.signal);
    if (request.ttlMs > this.#longestTtl) throw this.#tooLong(request.ttlMs);
    const ticket = new Ticket(request);
    partition.add(ticket);
    try {
      const grant = await this.#enter(partition, ticket);
      if (grant === null) partition.remove(ticket);
      return grant;
    } catch (error) {
      const left = this.#leave(partition, ticket, error instanceof NeverSentError);
      // A log that can't be reached can't be told either, for now: nobody waits for that.
      if (!request.signal.aborted) throw unavailable(error);
      await left;
      throw request.signal.reason;
    }
  }

  async release({ lease, partition, ticket }: KafkaGrant): Promise<ReleaseResult> {
    lease.end();
    partition.remove(ticket);
    if (ticket.state.kind !== 'granted') return 'not-held';
    const { owner } = ticket.request;
    try {
      await partition.append({ type: 'leave', owner }, true);
    } catch (error) {
      throw unavailable(error);
    }
    return 'released';
  }

  async query(name?: string): Promise<LockSnapshot> {
    const ids =
      name === undefined ? Array.from({ length: this.#cluster.options.partitions }, (_, id) => id) : undefined;
    const partitions = await Promise.all(
      ids === undefined ? [this.#partition(name ?? '')] : ids.map((id) => this.#partitionAt(id)),
    );
    return await query(partitions, name);
  }

  diagnose(): Promise<Diagnosis> {
    return diagnose(this.#cluster);
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  /** Until the request holds, or must not wait. */
  async #enter(partition: Partition, ticket: Ticket): Promise<KafkaGrant | null> {
    const { name, owner, mode, permits, ttlMs, client, wait, steal, signal, onContended } = ticket.request;
    const request = { type: 'request', name, owner, mode, permits, ttlMs, client, wait, steal } as const;
    for (let contended = false; ;) {
      ticket.entering();
      const { startedAt } = await abortable(partition.append(request), signal);
      ticket.reconcile(partition.entry(ticket));
      if (ticket.state.kind === 'waiting' && !contended) onContended();
      contended = true;
      await ticket.decided();
      const grant = await this.#granted(partition, ticket, startedAt);
      if (grant !== undefined) return grant;
      if (!wait) return null;
      // The time that it was given is over, because this process slept or could not be told: it queues again.
    }
  }

  async #granted(partition: Partition, ticket: Ticket, startedAt: number): Promise<KafkaGrant | undefined> {
    const { state, request } = ticket;
    if (state.kind !== 'granted') return undefined;
    const { entry, by } = state;
    if (by.kind === 'request') return this.#holds.add(partition, ticket, entry, startedAt);
    const pushed =
      by.grantedAt === undefined ? undefined : this.#holds.addPushed(partition, ticket, entry, by.grantedAt);
    if (pushed !== undefined) return pushed;
    const confirmed = await abortable(partition.append({ type: 'renew', owners: [request.owner] }), request.signal);
    const now = stateOf(ticket);
    if (now.kind !== 'granted') return undefined;
    return this.#holds.add(partition, ticket, now.entry, confirmed.startedAt);
  }

  /** Takes the request back, granted or not. Never rejects. */
  async #leave(partition: Partition, ticket: Ticket, neverSent: boolean): Promise<void> {
    partition.remove(ticket);
    if (neverSent || partition.takeBack(ticket)) return;
    await partition.append({ type: 'leave', owner: ticket.request.owner }, true).then(ignore, ignore);
  }

  #partition(name: string): Promise<Partition> {
    return this.#partitionAt(partitionOf(name, this.#cluster.options.partitions));
  }

  async #partitionAt(id: number): Promise<Partition> {
    if (this.#closed !== undefined) throw new LocksClosedError();
    let longestTtl: number;
    try {
      ({ longestTtl } = await this.#cluster.ready());
    } catch (error) {
      throw unavailable(error);
    }
    if (this.#closed !== undefined) throw new LocksClosedError();
    this.#longestTtl = longestTtl;
    let partition = this.#partitions.get(id);
    if (partition === undefined) {
      partition = new Partition({ id, cluster: this.#cluster, session: this.#session, longestTtl });
      this.#partitions.set(id, partition);
    }
    return partition;
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#partitions.values()].map((partition) => partition.close(CLOSE_MS)));
    this.#cluster.closeAll();
  }

  #tooLong(ttlMs: number): Error {
    const { topic } = this.#cluster.options;
    return unfit(
      `A ttl of ${ttlMs} ms is too long for the topic ${topic}: it must not exceed a quarter of its retention.ms, ${this.#longestTtl} ms.`,
    );
  }
}

/** Anew: it changes while something is awaited. */
function stateOf(ticket: Ticket): Ticket['state'] {
  return ticket.state;
}

function ignore(): void {}
