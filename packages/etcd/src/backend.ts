import { Sessions, SharedLease } from '@holdfast/core/adapter';
import type {
  Capabilities,
  Diagnosis,
  Grant,
  LockBackend,
  LockRequest,
  LockSnapshot,
  ReleaseResult,
} from '@holdfast/core/adapter';
import { Acquisition, PlaceLostError } from './acquisition.ts';
import { capabilities } from './capabilities.ts';
import type { Connection } from './connection.ts';
import { depart } from './depart.ts';
import { diagnose } from './diagnose.ts';
import { stealing, trying, waiting } from './entrance.ts';
import type { Entrance } from './entrance.ts';
import { unavailable } from './errors.ts';
import { query } from './query.ts';
import { EtcdSession } from './session.ts';
import type { SessionContext } from './session.ts';
import { Ticket } from './ticket.ts';
import { Watches } from './watches.ts';

export interface EtcdGrant extends Grant {
  readonly lease: SharedLease;
  readonly ticket: Ticket;
  readonly session: EtcdSession;
}

/** How long an unused lease is kept, in ms. */
const IDLE_MS = 30_000;

/** A queue of keys per name, in the order of their creation; see README.md for the whole. */
export class EtcdBackend implements LockBackend<EtcdGrant> {
  readonly name = 'etcd';
  readonly capabilities: Capabilities = capabilities;
  readonly #connection: Connection;
  readonly #prefix: string;
  readonly #watches: Watches;
  readonly #sessions: Sessions<EtcdSession>;

  constructor(connection: Connection, prefix: string) {
    this.#connection = connection;
    this.#prefix = prefix;
    this.#watches = new Watches(connection);
    const context: SessionContext = {
      connection,
      watches: this.#watches,
      prefix,
      // Nobody has to release what is lost.
      onLost: (session, ticket) => void this.#withdraw(session, ticket).catch(() => undefined),
    };
    this.#sessions = new Sessions({ idleMs: IDLE_MS, open: (ttlMs, renew) => EtcdSession.open(context, ttlMs, renew) });
  }

  async acquire(request: LockRequest): Promise<EtcdGrant | null> {
    for (let attempt = 0; ; attempt += 1) {
      if (request.aborted) throw request.signal.reason;
      const session = await this.#sessions.use(request.ttlMs, request.renew);
      const result = await this.#attempt(session, new Ticket(this.#prefix, request, attempt), request);
      if (result !== 'again') return result;
    }
  }

  async release(grant: EtcdGrant): Promise<ReleaseResult> {
    const { lease, ticket, session } = grant;
    // What was stolen is gone, and what was in a session that is over goes with it.
    if (lease.state === 'lost') return 'not-held';
    lease.end();
    return (await this.#depart(session, ticket, true)) ? 'released' : 'not-held';
  }

  query(name?: string): Promise<LockSnapshot> {
    return query(this.#connection, this.#prefix, name);
  }

  diagnose(): Promise<Diagnosis> {
    return diagnose(this.#connection);
  }

  async close(): Promise<void> {
    await this.#sessions.close();
    this.#watches.close();
    this.#connection.close();
  }

  async #attempt(session: EtcdSession, ticket: Ticket, request: LockRequest): Promise<EtcdGrant | null | 'again'> {
    const context = { connection: this.#connection, watches: this.#watches, prefix: this.#prefix };
    session.join(ticket);
    try {
      const token = await new Acquisition(context, session, ticket, request, entranceOf(this.#prefix, request)).run();
      if (token === null) {
        this.#withdraw(session, ticket).catch(() => undefined);
        return null;
      }
      // A theft may have been reported before the answer of our own request; from the next line on it ends the lease.
      if (ticket.evicted) throw new PlaceLostError('The lock was stolen as it was granted');
      const lease = (ticket.lease = new SharedLease(session.lease));
      // It was lost before the lease could see it.
      if (lease.state === 'lost') void this.#withdraw(session, ticket).catch(() => undefined);
      return { fencingToken: token, lease, ticket, session };
    } catch (error) {
      const withdrawn = this.#withdraw(session, ticket).catch(() => undefined);
      if (request.aborted) {
        await withdrawn;
        throw request.signal.reason;
      }
      if (error instanceof PlaceLostError || session.isOver) return 'again';
      throw unavailable(error);
    }
  }

  /** A request of which nothing can stay at the server is only forgotten. */
  async #withdraw(session: EtcdSession, ticket: Ticket): Promise<void> {
    const isThere = (ticket.created !== undefined && !ticket.evicted) || ticket.doubtful;
    // The lease of a session that is over takes all its keys along.
    if (isThere && !session.isOver) await this.#depart(session, ticket, false);
    else this.#forget(session, ticket);
  }

  /**
   * Whether this removed the ticket's key. Rejects when patience ends; the removal itself goes on for as long as the session
   * lives, because its heartbeat keeps the key alive, too.
   */
  #depart(session: EtcdSession, ticket: Ticket, holds: boolean): Promise<boolean> {
    const departed = depart(this.#connection, session, ticket, holds).finally(() => this.#forget(session, ticket));
    return within(departed, this.#connection.patienceMs);
  }

  #forget(session: EtcdSession, ticket: Ticket): void {
    if (session.leave(ticket)) this.#sessions.done(session);
  }
}

function entranceOf(prefix: string, { steal, wait, mode, permits }: LockRequest): Entrance {
  if (steal) return stealing(prefix);
  return wait ? waiting : trying({ mode, permits });
}

function within<T>(work: Promise<T>, patienceMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(unavailable(new Error(`no answer within ${patienceMs} ms`))),
      patienceMs,
    ).unref();
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
