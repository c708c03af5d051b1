import { monotonicMs, SharedLease } from '@holdfast/core/adapter';
import type { LockRequest, ReleaseResult } from '@holdfast/core/adapter';
import { unavailable } from './errors.ts';
import { entryOf } from './hold.ts';
import type { Entry, PostgresGrant } from './hold.ts';
import type { Registry } from './registry.ts';
import type { LockSession } from './session.ts';
import type { Granted } from './waiter.ts';

/** From the hold in a session to its end, of which there are three: a release, the loss of the session, a theft. Whichever comes first ends it. */
export class Grants {
  readonly #registry: Registry;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  grant(request: LockRequest, { hold, done }: Granted, waited?: Entry): PostgresGrant {
    const { session } = hold;
    const lease = new SharedLease(session.lease);
    const state = { type: 'held', hold } as const;
    const entry = waited ?? entryOf(request, 0, state);
    entry.state = state;
    entry.since = monotonicMs();
    const grant: PostgresGrant = { fencingToken: hold.token, lease, hold, entry, done };
    session.grants.add(grant);
    // Lost before it could be dropped with its session.
    if (session.isOver) this.#drop(grant);
    this.#registry.track(entry);
    return grant;
  }

  async release(grant: PostgresGrant): Promise<ReleaseResult> {
    const { lease, hold, entry, done } = grant;
    // Reading it may find the deadline passed: then all of the session is dropped.
    void lease.state;
    lease.end();
    // Gone with its session, or stolen.
    if (!hold.session.grants.delete(grant)) return 'not-held';
    const owner = this.#registry.untrack(entry);
    let isOver = false;
    const over = (): void => {
      if (!isOver) done();
      isOver = true;
    };
    try {
      // Of a row that another connection writes, the deletion must not come first.
      if (owner !== undefined) await entry.written;
      return (await hold.session.unlock(hold, owner, over)) ? 'released' : 'not-held';
    } catch (error) {
      if (hold.session.connection.isLost) return 'not-held';
      // What comes next on a connection of its own must not come before this.
      if (hold.session.isDedicated) hold.session.connection.destroy(error);
      throw unavailable(error);
    } finally {
      over();
    }
  }

  lost(session: LockSession): void {
    for (const grant of session.grants) this.#drop(grant);
  }

  /** Lost with its session: nobody has to release it. */
  #drop(grant: PostgresGrant): void {
    if (!grant.hold.session.grants.delete(grant)) return;
    this.#registry.untrack(grant.entry);
    grant.done();
  }

  /** The holders know before the thief can hold. */
  evict(session: LockSession, lock: string): void {
    for (const grant of session.grants) {
      const { hold, lease, entry, done } = grant;
      if (hold.keys.lock !== lock) continue;
      lease.lose('stolen');
      session.grants.delete(grant);
      const owner = this.#registry.untrack(entry);
      const unlocked = hold.session.unlock(hold, owner).catch(() => undefined);
      void unlocked.finally(done);
    }
  }
}
