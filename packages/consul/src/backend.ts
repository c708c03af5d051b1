import { grantedCount, Sessions, SharedLease } from '@holdfast/core/adapter';
import type {
  Capabilities,
  Diagnosis,
  Grant,
  LockBackend,
  LockRequest,
  LockSnapshot,
  ReleaseResult,
} from '@holdfast/core/adapter';
import { Acquisition } from './acquisition.ts';
import type { Consul } from './consul.ts';
import { depart } from './depart.ts';
import { diagnose } from './diagnose.ts';
import { PlaceLostError, unavailable } from './errors.ts';
import { nextOf } from './hand-over.ts';
import { Lines } from './lines.ts';
import { query } from './query.ts';
import type { Entry } from './queue.ts';
import { ConsulSession } from './session.ts';
import { Ticket } from './ticket.ts';
import { Watches } from './watches.ts';

export interface ConsulGrant extends Grant {
  readonly lease: SharedLease;
  readonly ticket: Ticket;
  readonly session: ConsulSession;
}

/** Where in Consul the locks are. */
export interface Place {
  readonly prefix: string;
  readonly node: string;
}

/** How long an unused session is kept, in ms. */
const IDLE_MS = 30_000;

/** A queue of keys per name, in the order of their creation; see README.md for the whole. */
export class ConsulBackend implements LockBackend<ConsulGrant> {
  readonly name = 'consul';
  readonly capabilities: Capabilities;
  readonly #consul: Consul;
  readonly #prefix: string;
  readonly #watches: Watches;
  readonly #sessions: Sessions<ConsulSession>;
  readonly #tickets = new Map<string, Ticket>();
  readonly #lines = new Lines();

  constructor(consul: Consul, { prefix, node }: Place, capabilities: Capabilities) {
    this.capabilities = capabilities;
    this.#consul = consul;
    this.#prefix = prefix;
    this.#watches = new Watches(consul);
    const context = { consul, watches: this.#watches, prefix, node };
    this.#sessions = new Sessions({
      idleMs: IDLE_MS,
      open: (ttlMs, renew) => ConsulSession.open(context, ttlMs, renew),
    });
  }

  async acquire(request: LockRequest): Promise<ConsulGrant | null> {
    try {
      for (;;) {
        request.signal.throwIfAborted();
        if (!request.wait && !request.steal && (await this.#isTaken(request))) return null;
        const session = await this.#sessions.use(request.ttlMs, request.renew);
        const result = await this.#attempt(session, request);
        if (result !== 'again') return result;
      }
    } catch (error) {
      request.signal.throwIfAborted();
      throw unavailable(error);
    }
  }

  async release(grant: ConsulGrant): Promise<ReleaseResult> {
    const { lease, ticket, session } = grant;
    // What was stolen is gone, and what was in a session that is over goes with it.
    if (lease.state === 'lost') return 'not-held';
    lease.end();
    return (await this.#depart(session, ticket, nextOf(ticket))) ? 'released' : 'not-held';
  }

  async query(name?: string): Promise<LockSnapshot> {
    try {
      return await query(this.#consul, this.#prefix, name);
    } catch (error) {
      throw unavailable(error);
    }
  }

  async diagnose(): Promise<Diagnosis> {
    try {
      return await diagnose(this.#consul);
    } catch (error) {
      throw unavailable(error);
    }
  }

  async close(): Promise<void> {
    await this.#sessions.close();
    this.#watches.close();
    this.#consul.agents.close();
  }

  /** A try leaves no trace, and is in nobody's way: it looks before it enters. */
  async #isTaken({ name, mode, permits }: LockRequest): Promise<boolean> {
    const { held, pending } = await query(this.#consul, this.#prefix, name);
    const queue = [...held, ...pending];
    return grantedCount([...queue, { mode, permits }]) <= queue.length;
  }

  async #attempt(session: ConsulSession, request: LockRequest): Promise<ConsulGrant | null | 'again'> {
    const ticket = new Ticket(this.#prefix, request);
    const context = {
      ...{ consul: this.#consul, prefix: this.#prefix, watches: this.#watches },
      ...{ lines: this.#lines, tickets: this.#tickets },
    };
    this.#tickets.set(ticket.key, ticket);
    this.#lines.join(ticket.queue);
    session.join(ticket);
    try {
      const token = await new Acquisition(context, session, ticket).run();
      if (token === null) {
        await this.#withdraw(session, ticket);
        return null;
      }
      // A theft may have been noticed before the answer of our own request; from the next line on it ends the lease.
      if (ticket.evicted) throw new PlaceLostError('The lock was stolen as it was granted');
      const lease = new SharedLease(session.lease);
      ticket.hold(lease);
      // Nobody has to release what is lost.
      lease.observe(({ type }) => type === 'lost' && void this.#withdraw(session, ticket));
      return { fencingToken: token, lease, ticket, session };
    } catch (error) {
      const withdrawn = this.#withdraw(session, ticket);
      if (request.signal.aborted) {
        await withdrawn;
        throw request.signal.reason;
      }
      if (error instanceof PlaceLostError || session.isOver) return 'again';
      throw error;
    }
  }

  /** If the agents can't be told, that goes on for as long as the session lives. */
  async #withdraw(session: ConsulSession, ticket: Ticket): Promise<void> {
    const mayBeThere = (ticket.entered && !ticket.evicted) || ticket.doubtful;
    if (mayBeThere) await this.#depart(session, ticket).then(undefined, () => undefined);
    else this.#forget(session, ticket);
  }

  /** Whether this removed the ticket's key. Rejects when no agent has answered in time; the removal itself goes on. */
  #depart(session: ConsulSession, ticket: Ticket, next?: Entry): Promise<boolean> {
    const { patienceMs } = this.#consul.agents;
    return new Promise((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined;
      const tooLate = (): void => reject(unavailable(new Error(`no answer within ${patienceMs} ms`)));
      // From the first attempt: thousands that release at once wait for each other, not for an agent.
      const onAttempt = (): void => void (timer ??= setTimeout(tooLate, patienceMs).unref());
      const onHandedOver = (token: bigint): void =>
        next && this.#tickets.get(next.key)?.grant(token, ticket.behind.slice(1));
      depart(this.#consul, session, ticket, { onAttempt, next, onHandedOver })
        .finally(() => {
          clearTimeout(timer);
          this.#forget(session, ticket);
        })
        .then(resolve, (error: unknown) => reject(unavailable(error)));
    });
  }

  #forget(session: ConsulSession, ticket: Ticket): void {
    if (this.#tickets.delete(ticket.key)) this.#lines.leave(ticket.queue);
    ticket.leave();
    if (session.leave(ticket)) this.#sessions.done(session);
  }
}
