import { setTimeout as delay } from 'node:timers/promises';
import { BackendUnavailableError, ConfigError, InvalidArgumentError, Lease } from '@holdfast/core/adapter';
import type { RenewResult, Session } from '@holdfast/core/adapter';
import { ConnectionLossError, SessionOverError } from '../errors.ts';
import { sync } from '../protocol/operations.ts';
import type { Operation } from '../protocol/operations.ts';
import type { Connection } from './connection.ts';
import type { Ensemble } from './ensemble.ts';
import { Link } from './link.ts';
import type { Watches } from './watches.ts';

/** Not every answer moves the deadline: all that hold a lock in the session are told of that. In parts of the ttl. */
const PROOF_FRACTION = 20;

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
  /** For how long the last lock that was waited for in this session was held, in ms; `Infinity` as long as there was none. */
  lastHeldMs: number = Infinity;
  readonly #link: Link;
  #provedAt: number;

  private constructor(link: Link, lease: { ttlMs: number; provedAt: number; auto: boolean }) {
    this.#link = link;
    this.#provedAt = lease.provedAt;
    this.id = BigInt.asUintN(64, link.identity.id).toString(16).padStart(16, '0');
    this.lease = new Lease({ ...lease, renew: () => this.#prove() });
    this.lease.observe((event) => {
      if (event.type === 'lost')
        void link.end(new SessionOverError('The session with ZooKeeper is lost', { cause: event.error }));
    });
    link.events = {
      onProved: (sentAt) => {
        // A lock that its caller renews, or lets end, must not live on because of other requests.
        if (lease.auto) this.#proved(sentAt);
      },
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
    const session = new ZooKeeperSession(link, { ttlMs: Math.min(ttlMs, agreedMs), provedAt, auto: renew });
    const error = session.lease.remainingMs > 0 ? refusal(ttlMs, agreedMs, renew) : tooSlow(ttlMs);
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

  /** See {@link Link.unlessOut}. */
  unlessOut<T>(work: Promise<T>, late: (value: T) => void = () => undefined): Promise<T> {
    return this.#link.unlessOut(work, late);
  }

  close(): Promise<void> {
    return this.#link.end(new SessionOverError('The session with ZooKeeper is closed'));
  }

  #proved(sentAt: number): void {
    if (sentAt < this.#provedAt + this.lease.ttlMs / PROOF_FRACTION) return;
    this.#provedAt = sentAt;
    this.lease.proved(sentAt);
  }

  /**
   * An answer of a follower alone proves nothing: cut off from the others, it serves its clients for some ticks more, while the
   * leader's clock runs against their sessions. `sync` is answered by the leader. Where there are followers it is asked
   * twice: the first makes the follower note the session, the second, after the next relay, shows that the leader has
   * got that note.
   */
  async #prove(): Promise<RenewResult> {
    await (await this.connection()).request(sync('/'), true);
    if (this.#link.relayMs > 0) {
      await delay(this.#link.relayMs, undefined, { ref: false });
      await (await this.connection()).request(sync('/'), true);
    }
    return 'renewed';
  }
}

function tooSlow(ttlMs: number): Error {
  return new BackendUnavailableError(`ZooKeeper took longer than the ttl of ${ttlMs} ms to open a session`);
}

function refusal(ttlMs: number, agreedMs: number, renew: boolean): Error | undefined {
  if (agreedMs > ttlMs) {
    return new ConfigError(
      `The ZooKeeper servers keep a session for at least ${agreedMs} ms, longer than the ttl of ${ttlMs} ms; set \`tickTime\` to theirs`,
    );
  }
  if (agreedMs < ttlMs - 1 && !renew) {
    return new InvalidArgumentError(
      `Expected \`ttl\` to be at most ${agreedMs} ms without renewal, the longest that these ZooKeeper servers keep a session, got ${ttlMs} ms`,
    );
  }
  return undefined;
}
