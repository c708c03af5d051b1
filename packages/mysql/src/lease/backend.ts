import { apply, find, Lease, monotonicMs, nextExpiry, pollUntilGranted, snapshot } from '@holdfast/core/adapter';
import type {
  Capabilities,
  Diagnosis,
  Grant,
  LockBackend,
  LockRequest,
  LockSnapshot,
  ReleaseResult,
  RenewResult,
} from '@holdfast/core/adapter';
import { unavailable } from '../errors.ts';
import { capabilities } from './capabilities.ts';
import { Departures } from './departures.ts';
import type { Outcome, Queues, Renewal, Untimed } from './queues.ts';
import { renewals } from './renewals.ts';
import { Watch } from './watch.ts';

export interface LeaseGrant extends Grant {
  readonly lease: Lease;
  readonly name: string;
  readonly owner: string;
}

export interface LeaseBackendOptions {
  readonly queues: Queues;
  readonly skewMs: number;
  readonly diagnose: () => Promise<Diagnosis>;
  /** Closes the connections. */
  readonly close: () => void;
}

/** A waiter looks at the queue this often, at the rarest. In ms. */
const MAX_POLL_MS = 200;

/** A queue per name in a row, by core's state machine on the server's clock; no connection is kept for a lock. */
export class LeaseBackend implements LockBackend<LeaseGrant> {
  readonly name = 'mysql';
  readonly capabilities: Capabilities = capabilities;
  readonly #options: LeaseBackendOptions;
  readonly #queues: Queues;
  readonly #departures: Departures;
  readonly #watch: Watch<LeaseGrant>;
  readonly #renewal: (renewal: Renewal) => Promise<boolean>;

  constructor(options: LeaseBackendOptions) {
    this.#options = options;
    this.#queues = options.queues;
    this.#departures = new Departures(options.queues);
    this.#renewal = renewals(options.queues);
    this.#watch = new Watch(options.queues, ({ lease }) => lease.renew());
  }

  async acquire(request: LockRequest): Promise<LeaseGrant | null> {
    const { signal, name, owner, wait } = request;
    signal.throwIfAborted();
    try {
      const { after, startedAt } = await this.#change(request, enterOf(request));
      if (after?.token !== undefined) {
        const grant = await this.#alive(request, after.token, startedAt);
        if (grant !== null) return grant;
      }
      if (!wait) return null;
      request.onContended();
      const attempt = (): Promise<LeaseGrant | null> => this.#look(request);
      return await pollUntilGranted(attempt, { signal, maxDelayMs: MAX_POLL_MS });
    } catch (error) {
      // Also if it is not known whether the request entered; and nobody who gave up leaves before it is out of the queue.
      const left = this.#departures.leave(name, owner).then(undefined, () => undefined);
      if (!signal.aborted) throw unavailable(error);
      await left;
      throw signal.reason;
    }
  }

  async release({ lease, name, owner }: LeaseGrant): Promise<ReleaseResult> {
    const isLost = lease.state === 'lost';
    lease.end();
    try {
      const left = this.#departures.leave(name, owner);
      // The server ends by itself what the holder has lost.
      if (isLost) {
        left.then(undefined, () => undefined);
        return 'not-held';
      }
      return (await left) ? 'released' : 'not-held';
    } catch (error) {
      throw unavailable(error);
    }
  }

  async query(name?: string): Promise<LockSnapshot> {
    try {
      const all = name === undefined ? await this.#queues.all() : [{ name, ...(await this.#queues.read(name)) }];
      const shots = all.map(({ name: named, state, time }) => {
        apply(state, { type: 'tick', time, wallMicros: 0n });
        return snapshot(named, state);
      });
      return { held: shots.flatMap(({ held }) => held), pending: shots.flatMap(({ pending }) => pending) };
    } catch (error) {
      throw unavailable(error);
    }
  }

  diagnose(): Promise<Diagnosis> {
    return this.#options.diagnose();
  }

  async close(): Promise<void> {
    this.#watch.close();
    await this.#departures.close();
    this.#options.close();
  }

  /** What a waiter does now and then: most times it only reads. */
  async #look(request: LockRequest): Promise<LeaseGrant | null> {
    const { name, owner, signal } = request;
    const { state, time } = await this.#queues.read(name, signal);
    const own = find(state, owner);
    if (own?.token !== undefined) return await this.#confirm(request, own.token);
    if (own === undefined) await this.#change(request, enterOf(request));
    else if (nextExpiry(state) <= time) await this.#change(request, { type: 'tick' });
    return null;
  }

  /** The four round trips of a transaction may have used up most of a short ttl; a renewal takes one. */
  async #alive(request: LockRequest, token: bigint, startedAt: number): Promise<LeaseGrant | null> {
    if (monotonicMs() - startedAt < request.ttlMs / 3) return this.#grant(request, token, startedAt);
    return await this.#confirm(request, token);
  }

  /** Nobody knows how long ago it was granted: this proof of life is what the lease counts from. */
  async #confirm(request: LockRequest, token: bigint): Promise<LeaseGrant | null> {
    const { name, owner, ttlMs, signal } = request;
    const startedAt = await this.#queues.renew([{ name, owner, ttlMs }], signal);
    return startedAt === undefined ? null : this.#grant(request, token, startedAt);
  }

  #change(request: LockRequest, event: Untimed): Promise<Outcome> {
    return this.#queues.change(request.name, event, request.owner, request.signal);
  }

  #grant(request: LockRequest, fencingToken: bigint, provedAt: number): LeaseGrant {
    const { name, owner, ttlMs, renew } = request;
    const { skewMs } = this.#options;
    const lease = new Lease({ ttlMs, provedAt, skewMs, auto: renew, renew: (own) => this.#renew(name, owner, own) });
    const grant: LeaseGrant = { fencingToken, lease, name, owner };
    this.#watch.add(grant);
    return grant;
  }

  async #renew(name: string, owner: string, lease: Lease): Promise<RenewResult> {
    if (await this.#renewal({ name, owner, ttlMs: lease.ttlMs })) return 'renewed';
    // The server would have kept it for longer than we think: so somebody took it.
    return lease.remainingMs > 0 ? 'stolen' : 'expired';
  }
}

function enterOf({ owner, mode, permits, ttlMs, client, wait, steal }: LockRequest): Untimed {
  return { type: 'request', owner, mode, permits, ttlMs, client, wait, steal };
}
