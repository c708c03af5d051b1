import { setTimeout as delay } from 'node:timers/promises';
import type { ClientInfo, Grant, LockBackend } from '../contract.ts';
import { BackendUnavailableError, LocksClosedError } from '../errors.ts';
import { monotonicMs } from '../clock.ts';
import type { GrantLease } from '../lease-terms.ts';
import { isHeard, publish } from './events.ts';
import type { LockEvent } from './events.ts';
import { Hold } from './hold.ts';
import type { HoldOwner } from './hold.ts';
import { KeepAlive } from './keep-alive.ts';
import type { Acquisition } from './options.ts';
import { Request } from './request.ts';
import { UnderWay } from './under-way.ts';
import { Wait } from './wait.ts';

/** After an abort the adapter gets this long to take the request back; then the caller goes on and it does so alone. In ms. */
const ABORT_GRACE_MS = 1000;
/** A grant of which less is left at its hand-over, in ms, or less than a third of its ttl, is renewed before it. */
const SCARCE_MS = 500;
/** A grant of which no more than this is left after that, in ms, or than a twentieth of its ttl, is as good as over. */
const USELESS_MS = 50;
/** How long `close` waits for the backend to hear of all releases, in ms. */
const CLOSE_GRACE_MS = 5000;

/** Takes requests through a backend, and knows all that is held or under way, so that `close` leaves nothing behind. */
export class Acquirer implements HoldOwner {
  readonly #backend: LockBackend;
  readonly #client: ClientInfo;
  readonly #waits = new Set<Wait>();
  readonly #keepAlive = new KeepAlive();
  readonly #holds = new Set<Hold>();
  readonly #underWay = new UnderWay();

  constructor(backend: LockBackend, client: ClientInfo) {
    this.#backend = backend;
    this.#client = client;
  }

  get backend(): string {
    return this.#backend.name;
  }

  get clientId(): string {
    return this.#client.id;
  }

  /** Resolves with a hold that is alive at that moment, or with `null` if the request only tries. */
  async acquire(name: string, acquisition: Acquisition): Promise<Hold | null> {
    const startedAt = monotonicMs();
    if (isHeard('acquire')) publish('acquire', this.#event(name, acquisition));
    const wait = new Wait(name, acquisition.signal, acquisition.timeoutMs);
    this.#waits.add(wait);
    // Until the hold does: in between it would be let go of for nothing, in the moment of the grant.
    this.#keepAlive.enter();
    try {
      for (;;) {
        wait.throwIfAborted();
        const request = new Request(name, acquisition, this.#client, wait, this);
        const work = this.during(this.#backend.acquire(request));
        const grant = await wait.within(work, ABORT_GRACE_MS, this.#late);
        if (grant === null) return null;
        let { remainingMs } = grant.lease;
        if (acquisition.renew && isScarce(remainingMs, grant.lease)) {
          await this.#prolong(grant.lease);
          remainingMs = grant.lease.remainingMs;
        }
        if (wait.aborted) {
          await wait.within(this.#giveBack(grant), ABORT_GRACE_MS, ignore);
          wait.throwIfAborted();
        }
        // No await from the check above to here: `close` either aborted this wait or finds this hold.
        if (!isUseless(remainingMs, grant.lease)) return this.#hold(name, acquisition, grant, startedAt);
        // So long on its way that its ttl is over, or as good as over: who waits asks again.
        void this.#giveBack(grant);
        if (!acquisition.wait) throw this.#tooLate(acquisition);
      }
    } finally {
      this.#waits.delete(wait);
      wait.end();
      this.#keepAlive.leave();
    }
  }

  /** Keeps the process alive, and `close` waiting, until `work` settles. */
  during<T>(work: Promise<T>): Promise<T> {
    this.#keepAlive.enter();
    this.#underWay.enter();
    work.then(this.#settled, this.#settled);
    return work;
  }

  readonly #settled = (): void => {
    this.#underWay.leave();
    this.#keepAlive.leave();
  };

  async close(): Promise<void> {
    // All it waits for may be unref'ed: without this the process could end in the middle, with the caller's `await` unsettled.
    this.#keepAlive.enter();
    const reason = new LocksClosedError();
    for (const wait of this.#waits) wait.abort(reason);
    for (const hold of [...this.#holds]) void hold.revoke(reason);
    // A backend that does not answer must not keep `close` from ending: what it was not told ends with its ttl.
    await Promise.race([this.#underWay.settled(), delay(CLOSE_GRACE_MS, undefined, { ref: false })]);
    try {
      await this.#backend.close();
    } finally {
      this.#keepAlive.close();
    }
  }

  release(grant: Grant): Promise<unknown> {
    try {
      return this.during(this.#backend.release(grant));
    } catch (error) {
      // Of an adapter that is no async function.
      return Promise.reject(error);
    }
  }

  contended(name: string, acquisition: Acquisition): void {
    if (isHeard('contended')) publish('contended', this.#event(name, acquisition));
  }

  over(hold: Hold): void {
    if (this.#holds.delete(hold) && hold.acquisition.renew) this.#keepAlive.leave();
  }

  /** Its validity counts from the request, and the answer may have used up most of it: too little to work with, and to renew in time. */
  async #prolong(lease: GrantLease): Promise<void> {
    const renewal = this.during(lease.renew()).then(
      () => undefined,
      () => undefined,
    );
    // Where that hangs, the grant is over before anybody has it.
    await Promise.race([renewal, delay(Math.ceil(lease.remainingMs), undefined, { ref: false })]);
  }

  #hold(name: string, acquisition: Acquisition, grant: Grant, startedAt: number): Hold {
    if (isHeard('granted')) {
      const { fencingToken } = grant;
      publish('granted', { ...this.#event(name, acquisition), fencingToken, durationMs: monotonicMs() - startedAt });
    }
    const hold = new Hold(this, name, acquisition, grant);
    if (hold.isLost) return hold;
    this.#holds.add(hold);
    // A lock that nobody renews does not keep the process: it ends by itself.
    if (acquisition.renew) this.#keepAlive.enter();
    return hold;
  }

  readonly #late = (grant: Grant | null): void => void this.#giveBack(grant);

  /** In the background, but `close` waits for it. If the backend can't be told, the grant ends with its ttl. */
  #giveBack(grant: Grant | null): Promise<void> {
    if (grant === null) return Promise.resolve();
    return this.release(grant).then(
      () => undefined,
      () => grant.lease.end(),
    );
  }

  #tooLate({ ttlMs }: Acquisition): BackendUnavailableError {
    return new BackendUnavailableError(
      `The answer of the ${this.backend} backend took longer than the ttl of ${ttlMs} ms`,
    );
  }

  #event(name: string, { mode, permits }: Acquisition): LockEvent {
    return { name, mode, permits, backend: this.backend, clientId: this.clientId };
  }
}

function isScarce(remainingMs: number, { ttlMs }: GrantLease): boolean {
  return remainingMs < Math.min(ttlMs / 3, SCARCE_MS);
}

function isUseless(remainingMs: number, { ttlMs }: GrantLease): boolean {
  return remainingMs <= Math.min(ttlMs / 20, USELESS_MS);
}

function ignore(): void {}
