import { monotonicMs, Sessions } from '@holdfast/core/adapter';
import type {
  Capabilities,
  Diagnosis,
  LockBackend,
  LockRequest,
  LockSnapshot,
  ReleaseResult,
} from '@holdfast/core/adapter';
import { attempt } from './acquisition.ts';
import type { Outcome } from './acquisition.ts';
import { capabilitiesOf } from './capabilities.ts';
import { diagnose } from './diagnose.ts';
import { SessionOverError, unavailable } from './errors.ts';
import { ZooKeeperGrant } from './grant.ts';
import type { Acl } from './protocol/operations.ts';
import { Container } from './queue/container.ts';
import { leave } from './queue/entry.ts';
import { snapshotOf } from './queue/snapshot.ts';
import type { Ensemble } from './session/ensemble.ts';
import { ZooKeeperSession } from './session/session.ts';

/** How long a session that nobody uses is kept for the next request, in ms. */
const IDLE_MS = 10_000;
/** Of the session for `query` and `diagnose`: core's default ttl, so that it is mostly that of the locks. In ms. */
const OWN_TTL_MS = 30_000;

export interface BackendOptions {
  readonly ensemble: Ensemble;
  /** The path that the locks' containers are under. */
  readonly root: string;
  readonly acl: readonly Acl[];
}

export class ZooKeeperBackend implements LockBackend<ZooKeeperGrant> {
  readonly name = 'zookeeper';
  readonly capabilities: Capabilities;
  readonly #options: BackendOptions;
  readonly #sessions: Sessions<ZooKeeperSession>;

  constructor(options: BackendOptions) {
    const { ensemble } = options;
    this.#options = options;
    this.capabilities = capabilitiesOf(ensemble.options.tickMs);
    this.#sessions = new Sessions({
      open: (ttlMs, renew) => ZooKeeperSession.open(ensemble, ttlMs, renew),
      idleMs: IDLE_MS,
    });
  }

  async acquire(request: LockRequest): Promise<ZooKeeperGrant | null> {
    for (;;) {
      request.signal.throwIfAborted();
      const session = await this.#sessions.use(request.ttlMs, request.renew);
      const outcome = await this.#attempt(session, request);
      if (outcome instanceof ZooKeeperGrant) return outcome;
      this.#sessions.done(session);
      if (outcome === 'taken') return null;
    }
  }

  release(grant: ZooKeeperGrant): Promise<ReleaseResult> {
    return (grant.released ??= this.#free(grant));
  }

  query(name?: string): Promise<LockSnapshot> {
    return this.#withSession((session) => snapshotOf(session, this.#options.root, name));
  }

  diagnose(): Promise<Diagnosis> {
    return this.#withSession((session) => diagnose(session, this.#options));
  }

  close(): Promise<void> {
    return this.#sessions.close();
  }

  async #attempt(session: ZooKeeperSession, request: LockRequest): Promise<Outcome> {
    const { root, acl } = this.#options;
    try {
      return await attempt(session, new Container(root, request.name, acl), request);
    } catch (error) {
      // Its node has gone with the session: who still wants the lock enters again, with another one.
      if (error instanceof SessionOverError) return 'again';
      this.#sessions.done(session);
      throw request.signal.aborted ? request.signal.reason : unavailable(error);
    }
  }

  #free(grant: ZooKeeperGrant): Promise<ReleaseResult> {
    grant.unwatch();
    grant.lease.end();
    const { entry, waitedUntil } = grant;
    if (waitedUntil !== undefined) entry.session.lastHeldMs = monotonicMs() - waitedUntil;
    const freed = leave(entry)
      .then(
        (wasThere): ReleaseResult => (wasThere ? 'released' : 'not-held'),
        (error: unknown): ReleaseResult => {
          if (error instanceof SessionOverError) return 'not-held';
          throw unavailable(error);
        },
      )
      .finally(() => this.#sessions.done(entry.session));
    // Not cut off: as long as the session lives, its other locks would keep this one's node alive.
    return entry.session.unlessOut(freed);
  }

  async #withSession<T>(ask: (session: ZooKeeperSession) => Promise<T>): Promise<T> {
    const session = await this.#sessions.use(Math.max(OWN_TTL_MS, this.capabilities.ttl.minMs), true);
    try {
      return await session.unlessOut(ask(session));
    } catch (error) {
      throw unavailable(error);
    } finally {
      this.#sessions.done(session);
    }
  }
}
