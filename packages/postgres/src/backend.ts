import { Patience, Sessions, UnsupportedError } from '@holdfast/core/adapter';
import type {
  Capabilities,
  Diagnosis,
  LockBackend,
  LockRequest,
  LockSnapshot,
  ReleaseResult,
} from '@holdfast/core/adapter';
import { capabilities } from './capabilities.ts';
import { Connections } from './connections.ts';
import { diagnose } from './diagnose.ts';
import { unanswered, unavailable } from './errors.ts';
import { Grants } from './grants.ts';
import type { Hold, PostgresGrant } from './hold.ts';
import { keysOf } from './keys.ts';
import type { Keys } from './keys.ts';
import { Line } from './line.ts';
import { opener } from './open.ts';
import type { OpenOptions } from './open.ts';
import { query } from './query.ts';
import { Registry } from './registry.ts';
import { LockSession } from './session.ts';
import type { SessionContext } from './session.ts';
import { statementsFor } from './sql.ts';
import { steal } from './steal.ts';
import { waitIn } from './waiter.ts';
import type { Waited } from './waiter.ts';

/** How long an unused session is kept, in ms. */
const IDLE_MS = 30_000;

/** A request that is not granted, refused, or in the queue yet. */
interface Arrival {
  /** Lets go the one that arrived next, if one did. */
  next: (() => void) | undefined;
}

/** Advisory locks, in sessions that the server ends when they are silent; see README.md for the whole. */
export class PostgresBackend implements LockBackend<PostgresGrant> {
  readonly name = 'postgres';
  readonly capabilities: Capabilities = capabilities;
  readonly #context: SessionContext;
  readonly #sessions: Sessions<LockSession>;
  readonly #registry: Registry = new Registry();
  readonly #grants: Grants = new Grants(this.#registry);
  readonly #lines = new Map<string, Line>();
  /** The last one to arrive for a name, until it is granted, refused or in the queue. */
  readonly #arrivals = new Map<string, Arrival>();
  /** Serves for what needs any session. */
  #latest: LockSession | undefined;

  constructor(options: OpenOptions & { readonly connections: number }) {
    const { patienceMs, schema } = options;
    const statements = statementsFor(schema);
    const patience = new Patience(patienceMs, () => unanswered(patienceMs));
    this.#context = {
      statements,
      patience,
      connections: new Connections({
        max: options.connections,
        patienceMs,
        open: opener(options, statements, patience),
      }),
      onTheft: (session, lock) => this.#grants.evict(session, lock),
      onLost: (session) => this.#grants.lost(session),
    };
    this.#sessions = new Sessions({
      idleMs: IDLE_MS,
      open: async (ttlMs, renew) => {
        const session = await LockSession.open(this.#context, ttlMs, renew);
        if (renew) this.#latest = session;
        return session;
      },
    });
  }

  async acquire(request: LockRequest): Promise<PostgresGrant | null> {
    const keys = keysOf(request.name);
    try {
      for (;;) {
        if (request.aborted) throw request.signal.reason;
        const granted = request.steal ? await this.#steal(keys, request) : await this.#attempt(keys, request);
        if (granted !== 'again') return granted;
      }
    } catch (error) {
      throw request.aborted ? request.signal.reason : unavailable(error);
    }
  }

  release(grant: PostgresGrant): Promise<ReleaseResult> {
    return this.#grants.release(grant);
  }

  async query(name?: string): Promise<LockSnapshot> {
    const { statements, patience } = this.#context;
    let opened: LockSession | undefined;
    try {
      await patience.bound(this.#registry.flush());
      const known = this.#latest?.isOver === false ? this.#latest : undefined;
      const { connection } = known ?? (opened = await this.#sessions.use(IDLE_MS, true));
      return await patience.bound(query(connection, statements, name));
    } catch (error) {
      throw unavailable(error);
    } finally {
      if (opened !== undefined) this.#sessions.done(opened);
    }
  }

  async diagnose(): Promise<Diagnosis> {
    const { connections } = this.#context;
    try {
      const connection = await connections.take();
      try {
        return await diagnose(connection.client);
      } finally {
        connections.give(connection);
      }
    } catch (error) {
      throw unavailable(error);
    }
  }

  async close(): Promise<void> {
    await this.#sessions.close();
    await this.#context.connections.close();
  }

  /**
   * Requests of one name arrive one after another: until the one before is granted the lock, refused, or in the queue, a later
   * one might find the lock free and overtake it.
   */
  async #attempt(keys: Keys, request: LockRequest): Promise<PostgresGrant | null | 'again'> {
    const before = this.#arrivals.get(keys.lock);
    const arrival: Arrival = { next: undefined };
    this.#arrivals.set(keys.lock, arrival);
    let waiting: Promise<Waited>;
    try {
      if (before !== undefined) await new Promise<void>((resolve) => (before.next = resolve));
      if (request.aborted) throw request.signal.reason;
      const result = await this.#try(keys, request);
      if (result !== null || !request.wait) return result;
      // From here on the waiter hears of an abort itself.
      request.signal.throwIfAborted();
      waiting = this.#wait(keys, request);
    } finally {
      if (this.#arrivals.get(keys.lock) === arrival) this.#arrivals.delete(keys.lock);
      arrival.next?.();
    }
    const granted = await waiting;
    return this.#grants.grant(request, granted, granted.entry);
  }

  async #try(keys: Keys, request: LockRequest): Promise<PostgresGrant | null | 'again'> {
    // Who waits in this process comes first, though the server does not know of all of them.
    if (this.#lines.get(keys.lock)?.isTaken === true) return null;
    const session = await this.#sessions.use(request.ttlMs, request.renew);
    let hold: Hold | null = null;
    try {
      hold = await session.tryLock({ keys, mode: request.mode, permits: request.permits });
    } catch (error) {
      if (!(error instanceof UnsupportedError) && (session.isOver || session.connection.isLost)) return 'again';
      throw error;
    } finally {
      if (hold === null) this.#sessions.done(session);
    }
    return hold === null ? null : this.#grants.grant(request, { hold, done: () => this.#sessions.done(session) });
  }

  /** In the queue when it returns. */
  #wait(keys: Keys, request: LockRequest): Promise<Waited> {
    let line = this.#lines.get(keys.lock);
    if (line === undefined) {
      line = new Line(this.#context, keys, () => this.#lines.delete(keys.lock));
      this.#lines.set(keys.lock, line);
    }
    return waitIn(line, request, {
      keys,
      sessions: this.#sessions,
      registry: this.#registry,
      statements: this.#context.statements,
    });
  }

  async #steal(keys: Keys, request: LockRequest): Promise<PostgresGrant | 'again'> {
    const scribe = await this.#sessions.use(request.ttlMs, true);
    try {
      const granted = await steal(this.#context, scribe, keys, request);
      return granted === undefined ? 'again' : this.#grants.grant(request, granted);
    } finally {
      this.#sessions.done(scribe);
    }
  }
}
