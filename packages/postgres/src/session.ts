import { Lease, monotonicMs } from '@holdfast/core/adapter';
import type { LossReason, Patience, RenewResult, Session } from '@holdfast/core/adapter';
import { attempt, elsewhere, permit } from './attempt.ts';
import type { Wish } from './attempt.ts';
import type { Connection } from './connection.ts';
import type { Connections } from './connections.ts';
import { codeOf } from './errors.ts';
import type { Hold, PostgresGrant } from './hold.ts';
import type { Keys } from './keys.ts';
import { Ledger } from './ledger.ts';
import { Presence } from './presence.ts';
import type { Present } from './presence.ts';
import { TRUE } from './sql.ts';
import type { Statements } from './sql.ts';

export interface SessionContext {
  readonly connections: Connections;
  readonly statements: Statements;
  readonly patience: Patience;
  /** Somebody steals `lock` from the session. */
  readonly onTheft: (session: LockSession, lock: string) => void;
  readonly onLost: (session: LockSession) => void;
}

interface SessionTerms {
  readonly ttlMs: number;
  readonly renew: boolean;
  /** The start of the statement that set the ttl as the session's bound. */
  readonly provedAt: number;
  readonly isDedicated: boolean;
}

/**
 * A server session with the locks that are held in it: one for each ttl, for all names that nobody else wants, or one for a
 * single name that had to be waited for. The server ends it when it was silent for the ttl.
 */
export class LockSession implements Session {
  readonly lease: Lease;
  readonly connection: Connection;
  /** Its connection is for one name, and for others after it. */
  readonly isDedicated: boolean;
  readonly grants: Set<PostgresGrant> = new Set();
  /** Of its holds and waiters in the registry. */
  readonly ledger: Ledger;
  readonly #context: SessionContext;
  readonly #presence: Presence = new Presence();
  readonly #forget: () => void;
  #listening: (() => void) | undefined;

  /** For the names that nobody else wants. */
  static async open(context: SessionContext, ttlMs: number, renew: boolean): Promise<LockSession> {
    const connection = await context.connections.take();
    try {
      const provedAt = monotonicMs();
      const work = connection.ask(context.statements.keepFor, [Math.floor(ttlMs)]);
      // On a network that is slow in relation to the ttl the first heartbeat is due before the answer is here.
      const session = new LockSession(context, connection, { ttlMs, renew, provedAt, isDedicated: false });
      await context.patience.bound(work);
      if (session.isOver) throw new Error(`the answer took longer than the ttl of ${ttlMs} ms`);
      return session;
    } catch (error) {
      connection.destroy(error);
      throw error;
    }
  }

  constructor(context: SessionContext, connection: Connection, { ttlMs, renew, provedAt, isDedicated }: SessionTerms) {
    this.isDedicated = isDedicated;
    this.#context = context;
    this.connection = connection;
    this.ledger = new Ledger(connection, context.statements);
    connection.idleMs = ttlMs;
    this.lease = new Lease({ ttlMs, provedAt, auto: renew, renew: () => this.#renew() });
    this.#forget = connection.onLost((cause) => this.lease.lose(reasonOf(cause), cause));
    this.lease.observe(({ type }) => {
      if (type !== 'lost') return;
      this.#forget();
      // Without its socket the server need not wait for the end of its own clock.
      if (!connection.isLost) connection.destroy(this.lease.lossError);
      context.onLost(this);
    });
  }

  get isOver(): boolean {
    return this.lease.remainingMs === 0;
  }

  /** Where thieves tell it which lock they want. */
  get channel(): string {
    return `holdfast_session_${this.connection.id}`;
  }

  /** `null`: not free. Nothing stays of a try that failed, or whose answer came after patience had ended. */
  tryLock(wish: Wish): Promise<Hold | null> {
    return this.#enter(wish, (present) => attempt(this, this.#context.statements, wish, present));
  }

  /** A permit, for who keeps all others away by holding the name's lock elsewhere. */
  takePermit(wish: Wish): Promise<Hold | null> {
    const { statements } = this.#context;
    return this.#enter(wish, async (present) => {
      const result = await permit(this, statements, statements.takePermit, wish, present);
      return result === 'kept away' ? null : result;
    });
  }

  /** What was granted to this session by waiting for it. */
  adopt(keys: Keys, mode: 'exclusive' | 'shared', token: bigint): Hold {
    this.#presence.adopt(keys, mode);
    return { keys, mode, token, session: this };
  }

  /**
   * Whether it was held until now. `owner`: of a hold that is in the registry, from where it goes, too. `sent`: called as soon as all that is asked
   * next on a connection of its own comes behind that: the next of the process is in the server's queue a round trip sooner.
   */
  async unlock(hold: Hold, owner: string | undefined, sent: () => void = () => undefined): Promise<boolean> {
    const { patience } = this.#context;
    const isLast = this.#presence.leave(hold.keys, hold.slot);
    const unlocking = hold.mode === 'semaphore' || isLast ? this.#unlock(hold, isLast) : undefined;
    // Unlocked first: who waits need not wait for the rest, and what is locked next comes behind both.
    const unlisted = owner === undefined ? undefined : this.ledger.unlist(owner);
    if (this.isDedicated && !this.ledger.isBehind) sent();
    const done = unlocking === undefined ? !this.isOver : await patience.bound(unlocking);
    // A row still counts where the session has the lock for other readers, or says that the owner waits.
    // But what became of the lock is known by now: a row that stays for want of an answer is no failure of the release.
    if (unlisted !== undefined) await patience.bound(unlisted).then(undefined, () => undefined);
    return done;
  }

  async #unlock({ keys, mode, slot }: Hold, isLast: boolean): Promise<boolean> {
    const { statements } = this.#context;
    const { connection } = this;
    try {
      if (mode !== 'semaphore') {
        const fields = await connection.fields(mode === 'shared' ? statements.unlockShared : statements.unlock, [
          keys.lock,
        ]);
        return fields?.[0] === TRUE;
      }
      const values = [keys.permits, slot ?? 0, isLast, keys.gate, keys.channel];
      const [row] = await connection.ask(statements.unlockPermit, values);
      return row?.['done'] === true;
    } catch (error) {
      // Nobody knows whether it is unlocked. As long as the session lives, nobody else might ever get it.
      connection.destroy(error);
      throw error;
    }
  }

  /** Listens to thieves; once for all its holds. */
  beStealable(): void {
    if (this.#listening !== undefined || this.isOver) return;
    const { connection, channel } = this;
    this.#listening = connection.onNotification((on, payload) => {
      if (on === channel) this.#context.onTheft(this, payload);
    });
    // A session that could not listen is over, or a thief ends it as a whole.
    connection.run(`LISTEN ${channel}`).catch(() => undefined);
  }

  /** Its connection is for others from now on. Nothing is locked in it any more. */
  end(): void {
    this.lease.end();
    this.#forget();
    if (this.#listening === undefined) return;
    this.#listening();
    // A session that listens, and is blocked for long, would keep the server from forgetting old notifications.
    this.connection.run('UNLISTEN *').catch(() => undefined);
  }

  async close(): Promise<void> {
    await this.#context.connections.end(this.connection);
  }

  #enter(wish: Wish, ask: (present: Present) => Promise<Hold | null>): Promise<Hold | null> {
    const { keys, mode } = wish;
    const { statements, patience } = this.#context;
    const left = (): void => {
      const key = mode === 'shared' ? keys.lock : keys.permits;
      this.connection.ask(statements.unlockShared, [key]).catch(() => undefined);
    };
    return patience.bound(this.#presence.enter(keys, mode, ask, left), (late) => {
      if (late !== null) this.unlock(late, undefined).catch(() => undefined);
    });
  }

  async #renew(): Promise<RenewResult> {
    const { connection } = this;
    const [row] = await connection.ask(this.#context.statements.heartbeat, []);
    if (row?.['pid'] === connection.pid) return 'renewed';
    elsewhere(this);
    return 'disconnected';
  }
}

function reasonOf(cause: unknown): LossReason {
  return codeOf(cause) === '57P05' ? 'expired' : 'disconnected';
}
