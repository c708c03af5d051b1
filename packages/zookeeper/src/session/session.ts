import { setTimeout as delay } from 'node:timers/promises';
import { ConfigError, InvalidArgumentError, Lease } from '@holdfast/core/adapter';
import type { RenewResult, Session } from '@holdfast/core/adapter';
import { ConnectionLossError, SessionOverError } from '../errors.ts';
import { sync } from '../protocol/operations.ts';
import type { Operation } from '../protocol/operations.ts';
import type { Connection } from './connection.ts';
import type { Ensemble } from './ensemble.ts';
import { Link } from './link.ts';
import type { Watches } from './watches.ts';

/** A follower tells the leader which sessions it has heard of when the leader pings it, every half tick; with some slack. In ticks. */
const RELAY_TICKS = 0.75;

/**
 * A session: it outlives its connections, until it is closed or nobody can be sure of it any more.
 *
 * "Suspended" is the lease's `unknown`. Its deadline lies before the ensemble's own, because it counts from the start of a
 * request that the leader has heard of. When it passes, the session is given up, even if a server that could be reached
 * a moment later would still know it.
 */
export class ZooKeeperSession implements Session {
  readonly lease: Lease;
  /** 16 hexadecimal digits. */
  readonly id: string;
  readonly #link: Link;
  readonly #relayMs: number;

  private constructor(link: Link, lease: { ttlMs: number; provedAt: number; auto: boolean }, relayMs: number) {
    this.#link = link;
    this.#relayMs = relayMs;
    this.id = BigInt.asUintN(64, link.identity.id).toString(16).padStart(16, '0');
    this.lease = new Lease({ ...lease, renew: () => this.#prove() });
    this.lease.observe((event) => {
      if (event.type === 'lost') void link.end(new SessionOverError('The session with ZooKeeper is lost', { cause: event.error }));
    });
    link.events = {
      onProved: (sentAt) => this.lease.proved(sentAt),
      onExpired: () => {
        this.lease.lose('expired');
        void link.end(new SessionOverError('The session with ZooKeeper has expired'));
      },
    };
  }

  /**
   * Rejects with `BackendUnavailableError`; with `ConfigError` when the servers keep sessions longer than the ttl; and
   * with `InvalidArgumentError` when they would end a lock that nobody renews before its ttl.
   */
  static async open(ensemble: Ensemble, ttlMs: number, renew: boolean): Promise<ZooKeeperSession> {
    const link = new Link(ensemble, Math.floor(ttlMs));
    const provedAt = await link.open();
    const agreedMs = link.identity.timeoutMs;
    const session = new ZooKeeperSession(link, { ttlMs: Math.min(ttlMs, agreedMs), provedAt, auto: renew }, ensemble.options.tickMs * RELAY_TICKS);
    const error = refusal(ttlMs, agreedMs, renew);
    if (error === undefined) return session;
    session.lease.end();
    await session.close();
    throw error;
  }

  /** Whether the server is one of several. */
  get hasPeers(): boolean {
    return this.#link.hasPeers;
  }

  get watches(): Watches {
    return this.#link.watches;
  }

  /** For requests that belong together: the server answers those of one connection in their order. */
  connection(): Promise<Connection> {
    return this.#link.connection();
  }

  /** For an operation that may be done twice: asks on the next connection when one is lost, as long as the session lives. */
  async call<T>(operation: Operation<T>): Promise<T> {
    for (;;) {
      const connection = await this.connection();
      try {
        return await connection.request(operation);
      } catch (error) {
        if (!(error instanceof ConnectionLossError)) throw error;
      }
    }
  }

  close(): Promise<void> {
    return this.#link.end(new SessionOverError('The session with ZooKeeper is closed'));
  }

  /**
   * An answer of a follower alone proves nothing: cut off from the others, it serves its clients for some ticks more,
   * while the leader's clock runs against their sessions. `sync` is answered by the leader. In an ensemble it is asked
   * twice: the first makes the follower note the session, the second, after the next relay, shows that the leader
   * has got that note.
   */
  async #prove(): Promise<RenewResult> {
    if (this.#link.hasPeers) {
      await (await this.connection()).request(sync('/'));
      await delay(this.#relayMs, undefined, { ref: false });
    }
    await (await this.connection()).request(sync('/'));
    return 'renewed';
  }
}

function refusal(ttlMs: number, agreedMs: number, renew: boolean): Error | undefined {
  if (agreedMs > ttlMs) {
    return new ConfigError(
      `The ZooKeeper servers keep a session for at least ${agreedMs} ms, longer than the ttl of ${ttlMs} ms; set \`tickTime\` to theirs`,
    );
  }
  if (agreedMs < ttlMs - 1 && !renew) {
    return new InvalidArgumentError(`Expected \`ttl\` to be at most ${agreedMs} ms without renewal, the longest that these ZooKeeper servers keep a session, got ${ttlMs} ms`);
  }
  return undefined;
}
