import { Lease, monotonicMs, UnsupportedError } from '@holdfast/core/adapter';
import type { RenewResult, Session } from '@holdfast/core/adapter';
import type { IEvent } from 'etcd3';
import type { Connection } from './connection.ts';
import { grant, keepAlive, revoke } from './lease-calls.ts';
import { mailboxOf, sessionOf, under } from './keys.ts';
import type { Ticket } from './ticket.ts';
import type { Watches } from './watches.ts';
import { capabilities } from './capabilities.ts';
import { verify } from './verify.ts';

export interface SessionContext {
  readonly connection: Connection;
  readonly watches: Watches;
  readonly prefix: string;
}

/** Acquire and release in a loop must not start and stop a watch each time; an idle client lets go of the process this late, in ms. */
const LINGER_MS = 300;
/** How often a session that is not renewed asks for its keys, in ms. */
const LOOK_MS = 1000;

/**
 * An etcd lease, and what its requests have in common: one heartbeat, and one watch, of the keys under `session/<lease>`, by which
 * it learns that the lease was revoked or that a lock was stolen from it.
 *
 * A session without renewal has no watch, because that would keep the process alive: it looks once a second.
 */
export class EtcdSession implements Session {
  readonly lease: Lease;
  readonly id: string;
  readonly key: string;
  /** The revision that wrote `key` last, as far as we know: what requests are conditioned on. */
  fence: bigint;
  readonly #context: SessionContext;
  readonly #renewed: boolean;
  readonly #tickets = new Map<string, Ticket>();
  #stopWatch: (() => void) | undefined;
  #watching = false;
  #watchFrom: bigint;
  #linger: NodeJS.Timeout | undefined;

  static async open(context: SessionContext, ttlMs: number, renewed: boolean): Promise<EtcdSession> {
    const { connection, prefix } = context;
    const seconds = Math.ceil(ttlMs / 1000);
    const { id, provedAt, grantedMs } = await connection.retried(async (client, options) => {
      const startedAt = monotonicMs();
      const { ID, TTL } = await grant(client, seconds, options);
      return { id: ID, provedAt: startedAt, grantedMs: Number(TTL) * 1000 };
    });
    try {
      if (grantedMs - ttlMs > capabilities.ttl.granularityMs - 1000) throw tooShort(ttlMs, grantedMs);
      const key = Buffer.from(sessionOf(prefix, id));
      const { header } = await connection.retried((client, options) => client.kv.put({ key, lease: id }, options));
      return new EtcdSession(context, { id, ttlMs, renewed, provedAt, revision: BigInt(header.revision) });
    } catch (error) {
      revoke(connection, id).catch(() => undefined);
      throw error;
    }
  }

  private constructor(
    context: SessionContext,
    opened: { id: string; ttlMs: number; renewed: boolean; provedAt: number; revision: bigint },
  ) {
    const { id, ttlMs, renewed, provedAt, revision } = opened;
    this.#context = context;
    this.#renewed = renewed;
    this.id = id;
    this.key = sessionOf(context.prefix, id);
    this.fence = revision;
    this.#watchFrom = revision + 1n;
    this.lease = new Lease({ ttlMs, provedAt, auto: renewed, renew: () => this.#renew() });
    this.lease.observe(({ type }) => {
      if (type === 'lost') this.#rest();
    });
  }

  get isOver(): boolean {
    return this.lease.remainingMs === 0;
  }

  /** The session's key is known to have been written at `revision`, by a request that was given up or by a departure. */
  raise(revision: bigint): void {
    if (revision > this.fence) this.fence = revision;
  }

  /** To be called before the request is sent: it may be stolen before its answer is here. */
  join(ticket: Ticket): void {
    this.#tickets.set(ticket.key, ticket);
    clearTimeout(this.#linger);
    this.#linger = undefined;
    this.#watch();
  }

  /** Whether it was still there. */
  leave(ticket: Ticket): boolean {
    if (!this.#tickets.delete(ticket.key)) return false;
    if (this.#tickets.size > 0) return true;
    if (!this.#renewed) this.#rest();
    else this.#linger = setTimeout(() => this.#rest(), LINGER_MS).unref();
    return true;
  }

  async close(): Promise<void> {
    this.#rest();
    await revoke(this.#context.connection, this.id);
  }

  async #renew(): Promise<RenewResult> {
    const { connection } = this.#context;
    // Short enough that another attempt, at another server, fits in before the deadline.
    const timeoutMs = Math.min(connection.timeoutMs, this.lease.ttlMs / 6);
    const alive = await connection.once((client, options) => keepAlive(client, this.id, options), timeoutMs);
    if (!alive) return 'expired';
    if (!this.#renewed) await this.#look();
    return 'renewed';
  }

  #watch(): void {
    if (this.#watching || this.isOver) return;
    this.#watching = true;
    if (!this.#renewed) {
      const timer = setInterval(() => this.#look().catch(() => undefined), LOOK_MS).unref();
      this.#stopWatch = () => clearInterval(timer);
      return;
    }
    this.#stopWatch = this.#context.watches.watch(
      { ...under(this.key), start_revision: `${this.#watchFrom}` },
      {
        onStart: () => undefined,
        onEvents: (events) => this.#onEvents(events),
        onEnd: () => void this.#resume(),
      },
    );
  }

  #rest(): void {
    this.#stopWatch?.();
    this.#stopWatch = undefined;
    this.#watching = false;
  }

  /** The watch broke, or what it asked for is compacted: look at our keys, and watch from there. */
  async #resume(): Promise<void> {
    const stop = this.#stopWatch;
    // If the look fails, the watch starts where it ended; if that is compacted by then, it ends again and we look again.
    await this.#look().catch(() => undefined);
    if (this.#stopWatch !== stop || !this.#watching) return;
    this.#watching = false;
    this.#watch();
  }

  async #look(): Promise<void> {
    const tickets = [...this.#tickets.values()].filter((ticket) => ticket.lease !== undefined);
    const { revision, missing } = await verify(this.#context.connection, this.key, tickets);
    if (revision >= this.#watchFrom) this.#watchFrom = revision + 1n;
    if (missing === 'session') this.lease.lose('expired');
    else for (const ticket of missing) ticket.evict();
  }

  #onEvents(events: readonly IEvent[]): void {
    const mailbox = mailboxOf(this.#context.prefix, this.id);
    for (const { type, kv } of events) {
      const key = kv.key.toString();
      this.#watchFrom = BigInt(kv.mod_revision) + 1n;
      if (key === this.key && type === 'Delete') this.lease.lose('expired');
      if (key !== mailbox || type !== 'Put') continue;
      for (const stolen of JSON.parse(kv.value.toString()) as string[]) this.#tickets.get(stolen)?.evict();
    }
  }
}

function tooShort(ttlMs: number, grantedMs: number): UnsupportedError {
  return new UnsupportedError(
    `This etcd server grants no lease shorter than ${grantedMs} ms (one and a half election timeouts); a \`ttl\` of ${ttlMs} ms can't be kept there`,
  );
}
