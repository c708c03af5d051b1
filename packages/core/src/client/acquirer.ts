import { randomUUID } from 'node:crypto';
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import type { ClientInfo, Grant, LockBackend, LockRequest } from '../contract.ts';
import { BackendUnavailableError, LocksClosedError } from '../errors.ts';
import { monotonicMs } from '../clock.ts';
import { publish } from './events.ts';
import type { LockEvent } from './events.ts';
import { Hold } from './hold.ts';
import type { HoldContext } from './hold.ts';
import { KeepAlive } from './keep-alive.ts';
import type { Acquisition } from './options.ts';
import { abandonable, Wait } from './wait.ts';

/** After an abort the adapter gets this long to take the request back; then the caller goes on and it does so alone. In ms. */
const ABORT_GRACE_MS = 1000;
/** A grant of which less is left at its hand-over, in ms, or less than a third of its ttl, is renewed before it. */
const SCARCE_MS = 500;
/** A grant of which no more than this is left after that, in ms, or than a twentieth of its ttl, is as good as over. */
const USELESS_MS = 50;
/** How long `close` waits for the backend to hear of all releases, in ms. */
const CLOSE_GRACE_MS = 5000;

/** Takes requests through a backend, and knows all that is held or under way, so that `close` leaves nothing behind. */
export class Acquirer {
  readonly #backend: LockBackend;
  readonly #client: ClientInfo;
  readonly #waits = new Set<Wait>();
  readonly #keepAlive = new KeepAlive();
  readonly #holds = new Set<Hold>();
  readonly #underWay = new Set<Promise<unknown>>();

  constructor(backend: LockBackend, client: ClientInfo) {
    this.#backend = backend;
    this.#client = client;
  }

  /** Resolves with a hold that is alive at that moment, or with `null` if the request only tries. */
  async acquire(name: string, acquisition: Acquisition): Promise<Hold | null> {
    const startedAt = monotonicMs();
    const context = this.#context(name, acquisition);
    publish('acquire', () => this.#event(context));
    const wait = new Wait(name, acquisition.signal, acquisition.timeoutMs);
    this.#waits.add(wait);
    try {
      const grant = await this.#aliveGrant(context, acquisition, wait.signal);
      if (grant === null) return null;
      if (wait.signal.aborted) {
        await abandonable(this.#giveBack(grant), wait.signal, ABORT_GRACE_MS, () => undefined);
        throw wait.signal.reason;
      }
      // No await from the check above to here: `close` either aborted this wait or finds this hold.
      const { fencingToken } = grant;
      publish('granted', () => ({ ...this.#event(context), fencingToken, durationMs: monotonicMs() - startedAt }));
      return this.#hold(context, acquisition, grant);
    } finally {
      this.#waits.delete(wait);
      wait.end();
    }
  }

  /** Keeps the process alive, and `close` waiting, until `work` settles. */
  async during<T>(work: Promise<T>): Promise<T> {
    this.#keepAlive.enter();
    this.#underWay.add(work);
    try {
      return await work;
    } finally {
      this.#underWay.delete(work);
      this.#keepAlive.leave();
    }
  }

  async close(): Promise<void> {
    // All it waits for may be unref'ed: without this the process could end in the middle, with the caller's `await` unsettled.
    this.#keepAlive.enter();
    const reason = new LocksClosedError();
    for (const wait of this.#waits) wait.abort(reason);
    for (const hold of [...this.#holds]) void hold.revoke(reason);
    // A backend that does not answer must not keep `close` from ending: what it was not told ends with its ttl.
    await Promise.race([this.#settled(), delay(CLOSE_GRACE_MS, undefined, { ref: false })]);
    try {
      await this.#backend.close();
    } finally {
      this.#keepAlive.close();
    }
  }

  async #settled(): Promise<void> {
    do {
      await Promise.allSettled(this.#underWay);
      // A grant that came too late is given back a few microtasks after its request was settled.
      await nextTurn();
    } while (this.#underWay.size > 0);
  }

  /** A grant may have been so long on its way that its ttl is over: it is given back, and who waits asks again. */
  async #aliveGrant(context: HoldContext, acquisition: Acquisition, signal: AbortSignal): Promise<Grant | null> {
    for (;;) {
      signal.throwIfAborted();
      const request = this.#request(context, acquisition, signal);
      const work = this.during(this.#backend.acquire(request));
      const grant = await abandonable(work, signal, ABORT_GRACE_MS, (late) => void this.#giveBack(late));
      if (grant === null) return grant;
      if (acquisition.renew) await this.#prolong(grant);
      if (grant.lease.remainingMs > Math.min(grant.lease.ttlMs / 20, USELESS_MS)) return grant;
      void this.#giveBack(grant);
      if (!acquisition.wait) {
        throw new BackendUnavailableError(
          `The answer of the ${this.#backend.name} backend took longer than the ttl of ${acquisition.ttlMs} ms`,
        );
      }
    }
  }

  /** Its validity counts from the request, and the answer may have used up most of it: too little to work with, and to renew in time. */
  async #prolong({ lease }: Grant): Promise<void> {
    const { remainingMs, ttlMs } = lease;
    if (remainingMs >= Math.min(ttlMs / 3, SCARCE_MS)) return;
    const renewal = this.during(lease.renew()).then(
      () => undefined,
      () => undefined,
    );
    // Where that hangs, the grant is over before anybody has it.
    await Promise.race([renewal, delay(Math.ceil(remainingMs), undefined, { ref: false })]);
  }

  #request(context: HoldContext, acquisition: Acquisition, signal: AbortSignal): LockRequest {
    const { mode, permits, ttlMs, wait, steal, renew } = acquisition;
    return {
      name: context.name,
      owner: randomUUID(),
      mode,
      ...(permits === undefined ? {} : { permits }),
      ttlMs,
      wait,
      steal,
      renew,
      signal,
      client: this.#client,
      onContended: () => publish('contended', () => this.#event(context)),
    };
  }

  #hold(context: HoldContext, acquisition: Acquisition, grant: Grant): Hold {
    const hold = new Hold(context, grant);
    if (hold.loss !== undefined) return hold;
    this.#holds.add(hold);
    // A lock that nobody renews does not keep the process: it ends by itself.
    if (acquisition.renew) this.#keepAlive.enter();
    return hold;
  }

  #context(name: string, acquisition: Acquisition): HoldContext {
    return {
      name,
      mode: acquisition.mode,
      permits: acquisition.permits,
      backend: this.#backend.name,
      clientId: this.#client.id,
      release: (grant) => this.during(this.#backend.release(grant)),
      onOver: (hold) => {
        if (this.#holds.delete(hold) && acquisition.renew) this.#keepAlive.leave();
      },
    };
  }

  /** In the background, but `close` waits for it. If the backend can't be told, the grant ends with its ttl. */
  #giveBack(grant: Grant | null): Promise<void> {
    if (grant === null) return Promise.resolve();
    return this.during(this.#backend.release(grant)).then(
      () => undefined,
      () => grant.lease.end(),
    );
  }

  #event(context: HoldContext): LockEvent {
    const { name, mode, permits, backend, clientId } = context;
    return { name, mode, permits, backend, clientId };
  }
}
