import { monotonicMs } from '@holdfast/core/adapter';
import type {
  Capabilities,
  Diagnosis,
  LockBackend,
  LockInfo,
  LockRequest,
  LockSnapshot,
  ReleaseResult,
} from '@holdfast/core/adapter';
import { isLost, isOutOfQueue, unavailable } from '../errors.ts';
import type { Limits, Session } from '../session.ts';
import { capabilities } from './capabilities.ts';
import { claimOf } from './context.ts';
import type { Claim, Context, Hold } from './context.ts';
import { enterFree, tryEnter } from './enter.ts';
import type { Again, Refused } from './enter.ts';
import { grantOf } from './holds.ts';
import type { MysqlGrant } from './holds.ts';
import { Lines } from './lines.ts';
import type { Place } from './lines.ts';
import { requestsOf, snapshotOf } from './registry.ts';
import { evict } from './steal.ts';
import { waitInQueue } from './wait.ts';
import type { Waiting } from './wait.ts';

export interface TransactionBackendOptions {
  readonly context: Context;
  readonly diagnose: () => Promise<Diagnosis>;
  /** Closes the connections. */
  readonly close: () => void;
}

/** A connection that was kept may have been closed meanwhile; a fresh one that breaks at once tells of the server. */
const ATTEMPTS = 3;
/** A connection that lasted for so long was well; the network is not too slow for the ttl. */
const LASTING_MS = 60_000;

/** A lock is the lock of a row, held by an open transaction; see README.md for the whole. */
export class TransactionBackend implements LockBackend<MysqlGrant> {
  readonly name = 'mysql';
  readonly capabilities: Capabilities = capabilities;
  readonly #context: Context;
  readonly #lines = new Lines<LockRequest>();
  readonly #options: TransactionBackendOptions;

  constructor(options: TransactionBackendOptions) {
    this.#options = options;
    this.#context = options.context;
  }

  async acquire(request: LockRequest): Promise<MysqlGrant | null> {
    stopIfAborted(request);
    const claim = claimOf(request);
    try {
      const hold = await this.#enter(claim);
      if (hold === 'refused') return null;
      return grantOf(this.#context, hold, request);
    } catch (error) {
      stopIfAborted(request);
      throw unavailable(error);
    }
  }

  async release({ lease, hold: { session }, forget }: MysqlGrant): Promise<ReleaseResult> {
    forget();
    if (lease.state === 'lost' || !session.isOpen) {
      lease.end();
      return 'not-held';
    }
    lease.end();
    try {
      await this.#context.connections.done(session);
      return 'released';
    } catch (error) {
      throw unavailable(error);
    }
  }

  async query(name?: string): Promise<LockSnapshot> {
    try {
      const bytes = name === undefined ? undefined : Buffer.from(name);
      const { held, pending } = snapshotOf(await requestsOf(this.#context, this.#context.desk, bytes));
      const behind = [...this.#lines.behind()].filter((request) => name === undefined || request.name === name);
      return { held, pending: [...pending, ...behind.map(infoOf)] };
    } catch (error) {
      throw unavailable(error);
    }
  }

  diagnose(): Promise<Diagnosis> {
    return this.#options.diagnose();
  }

  close(): Promise<void> {
    this.#options.close();
    return Promise.resolve();
  }

  async #enter(claim: Claim): Promise<Hold | Refused> {
    const { name, wait, steal } = claim.request;
    if (steal) return await this.#steal(claim);
    if (!wait) {
      // Who waits at the server for this client is ahead of a try also while it is between two places there.
      if (this.#lines.isContended(name)) return 'refused';
      await this.#context.desk.ready();
      return await this.#attempt(claim, claim.limits, (session) => tryEnter(this.#context, claim, session));
    }
    const place = this.#lines.enter(name, claim.request);
    // Its turn at the end of the server's queue comes as soon as the one ahead is granted the lock: no time to connect then.
    if (this.#lines.isContended(name)) this.#context.connections.warm(claim.limits);
    try {
      await place.first;
      stopIfAborted(claim.request);
      return await this.#waitInTurn(claim, place);
    } finally {
      place.leave();
    }
  }

  async #waitInTurn(claim: Claim, place: Place): Promise<Hold | Refused> {
    const { name } = claim.request;
    if (!this.#lines.isContended(name)) {
      const hold = await this.#attempt(claim, claim.limits, (session) => enterFree(this.#context, claim, session));
      if (hold !== 'refused') return hold;
    }
    const waiting = { onQueued: () => place.contended(), onGranted: () => place.leave() };
    return await this.#attempt(claim, claim.waitLimits, (session) =>
      waitInQueue(this.#context, claim, session, waiting),
    );
  }

  async #steal(claim: Claim): Promise<Hold | Refused> {
    const context = this.#context;
    const hold = await this.#attempt(claim, claim.limits, (session) => enterFree(context, claim, session));
    if (hold !== 'refused') return hold;
    return await this.#attempt(claim, claim.waitLimits, async (session) => {
      let isWaiting = true;
      const waiting: Waiting = {
        // If the server can't be asked for a while, the thief waits as others do.
        onQueued: (entry) => void evict(context, claim.name, entry, () => isWaiting).catch(() => undefined),
        onGranted: () => (isWaiting = false),
      };
      try {
        return await waitInQueue(context, claim, session, waiting);
      } finally {
        isWaiting = false;
      }
    });
  }

  /** Until it holds or is refused. Whatever is not handed over is rolled back, and its connection kept for the next. */
  async #attempt(
    claim: Claim,
    limits: Limits,
    enter: (session: Session) => Promise<Hold | Refused | Again>,
  ): Promise<Hold | Refused> {
    const { connections } = this.#context;
    const { request } = claim;
    for (let failures = 0; ;) {
      const session = await connections.use(limits, request);
      const startedAt = monotonicMs();
      let isHeld = false;
      try {
        stopIfAborted(request);
        await session.limit(limits);
        const result = await enter(session);
        stopIfAborted(request);
        // Closed since: nobody is to be told that it holds.
        if (result === 'again' || !session.isOpen) continue;
        isHeld = result !== 'refused';
        return result;
      } catch (error) {
        stopIfAborted(request);
        // A thief's kill that meets us between two statements of the way.
        if (isOutOfQueue(error)) continue;
        failures = monotonicMs() - startedAt > LASTING_MS ? 1 : failures + 1;
        if (!isLost(error) || failures >= ATTEMPTS) throw error;
      } finally {
        if (!isHeld) await this.#giveBack(session, request);
      }
    }
  }

  async #giveBack(session: Session, request: LockRequest): Promise<void> {
    const done = this.#context.connections.done(session).catch(() => undefined);
    // Who gave up must not leave before the lock is free, and who will wait needs the connection again.
    if (request.aborted || request.wait) await done;
  }
}

/** Its signal is made when it is read, and most requests need none. */
function stopIfAborted(request: LockRequest): void {
  if (request.aborted) throw request.signal.reason;
}

function infoOf({ name, mode, client }: LockRequest): LockInfo {
  return { name, mode, clientId: client.id, host: client.host, pid: client.pid };
}
