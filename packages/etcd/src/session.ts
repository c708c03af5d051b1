import { randomBytes } from 'node:crypto';
import { Lease, monotonicMs, UnsupportedError } from '@holdfast/core/adapter';
import type { RenewResult, Session } from '@holdfast/core/adapter';
import type { Etcd3, IEvent } from 'etcd3';
import type { CallOptions, Connection } from './connection.ts';
import { grant, keepAlive, revoke } from './lease-calls.ts';
import { mailboxOf, sessionOf, under } from './keys.ts';
import { Successors } from './successor.ts';
import type { Ticket } from './ticket.ts';
import type { Watches } from './watches.ts';
import { capabilities } from './capabilities.ts';
import { verify } from './verify.ts';

export interface SessionContext {
  readonly connection: Connection;
  readonly watches: Watches;
  readonly prefix: string;
  /** A ticket that held is lost, alone or with its session. */
  readonly onLost: (session: EtcdSession, ticket: Ticket) => void;
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
  readonly successors: Successors;
  /** Whether `key` is known to have been written; every request writes it until then. */
  isKnown = false;
  readonly #context: SessionContext;
  readonly #renewed: boolean;
  readonly #tickets = new Map<string, Ticket>();
  #stopWatch: (() => void) | undefined;
  #watching = false;
  #watchFrom = 0n;
  #granted = false;
  #linger: NodeJS.Timeout | undefined;

  /** Each attempt is a lease of its own, so that the one that is used is no older than its answer. */
  static async open(context: SessionContext, ttlMs: number, renewed: boolean): Promise<EtcdSession> {
    let isSettled = false;
    const attempt = async (client: Etcd3, options: CallOptions): Promise<EtcdSession> => {
      const session = new EtcdSession(context, ttlMs, renewed);
      try {
        await session.#begin(client, options);
        if (isSettled) throw new Error('another attempt was faster');
      } catch (error) {
        session.lease.end();
        session.close().catch(() => undefined);
        throw error;
      }
      isSettled = true;
      return session;
    };
    try {
      return await context.connection.ask(attempt);
    } finally {
      isSettled = true;
    }
  }

  private constructor(context: SessionContext, ttlMs: number, renewed: boolean) {
    this.#context = context;
    this.#renewed = renewed;
    // We choose the id: on a network that is slow in relation to the ttl the first heartbeat is due before the lease is confirmed.
    this.id = `${randomBytes(8).readBigUInt64BE() >> 1n}`;
    this.key = sessionOf(context.prefix, this.id);
    this.successors = new Successors(context, this.id);
    this.lease = new Lease({ ttlMs, provedAt: monotonicMs(), auto: renewed, renew: () => this.#renew() });
    this.lease.observe(({ type }) => {
      if (type !== 'lost') return;
      this.#rest();
      for (const ticket of this.#tickets.values()) if (ticket.lease !== undefined) context.onLost(this, ticket);
    });
  }

  async #begin(client: Etcd3, options: CallOptions): Promise<void> {
    const { ttlMs } = this.lease;
    const { TTL, header } = await grant(client, this.id, Math.ceil(ttlMs / 1000), options);
    const grantedMs = Number(TTL) * 1000;
    if (grantedMs - ttlMs > capabilities.ttl.granularityMs - 1000) throw tooShort(ttlMs, grantedMs);
    if (this.isOver) throw new Error(`the answer took longer than the ttl of ${ttlMs} ms`);
    this.#watchFrom = BigInt(header.revision) + 1n;
    this.#granted = true;
  }

  get isOver(): boolean {
    return this.lease.remainingMs === 0;
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
    // Told after our last word, or to one that was stolen.
    if (!this.isOver) this.successors.forget(ticket);
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
    const { ttlMs } = this.lease;
    const alive = await connection.ask((client, options) => keepAlive(client, this.id, options), {
      afterMs: Math.min(connection.timeoutMs, ttlMs / 6),
      patienceMs: ttlMs,
    });
    if (!alive && !this.#granted) throw new Error('the lease is not granted yet');
    if (!alive) return 'expired';
    if (!this.#renewed) await this.#look();
    return 'renewed';
  }

  #watch(): void {
    if (this.#watching || this.isOver) return;
    this.#watching = true;
    if (!this.#renewed) {
      const timer = setInterval(() => void this.#look().catch(() => undefined), LOOK_MS).unref();
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
    if (missing === 'session') {
      if (this.isKnown) this.lease.lose('expired');
    } else for (const ticket of missing) this.#evict(ticket);
  }

  #evict(ticket: Ticket | undefined): void {
    ticket?.evict();
    if (ticket?.lease?.state === 'lost') this.#context.onLost(this, ticket);
  }

  #onEvents(events: readonly IEvent[]): void {
    const mailbox = mailboxOf(this.#context.prefix, this.id);
    for (const { type, kv } of events) {
      const key = kv.key.toString();
      this.#watchFrom = BigInt(kv.mod_revision) + 1n;
      if (key === this.key && type === 'Delete') this.lease.lose('expired');
      if (type !== 'Put') continue;
      if (key.startsWith(`${this.key}/next/`)) this.successors.onTold(key, kv.value, this.#tickets);
      if (key !== mailbox) continue;
      for (const stolen of JSON.parse(kv.value.toString()) as string[]) this.#evict(this.#tickets.get(stolen));
    }
  }
}

function tooShort(ttlMs: number, grantedMs: number): UnsupportedError {
  return new UnsupportedError(
    `This etcd server grants no lease shorter than ${grantedMs} ms (one and a half election timeouts); a \`ttl\` of ${ttlMs} ms can't be kept there`,
  );
}
