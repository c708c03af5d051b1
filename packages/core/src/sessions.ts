import { monotonicMs } from './clock.ts';
import type { Lease } from './lease.ts';

/** A session of the backend: what its locks and its queue entries live in. */
export interface Session {
  readonly lease: Lease;
  /** Ends it at the backend, with all that is left in it. Called once; its failure is no one's concern: the ttl ends it too. */
  close(): Promise<void>;
}

export interface SessionsOptions<S extends Session> {
  /** Opens a session; `renew: false` has no renewal by timer. */
  readonly open: (ttlMs: number, renew: boolean) => Promise<S>;
  /** How long an unused session is kept for the next request, in ms. */
  readonly idleMs: number;
}

interface Slot<S extends Session> {
  /** As asked for: the backend may have granted the session less. */
  readonly ttlMs: number;
  readonly session: Promise<S>;
  uses: number;
  /** By the monotonic clock. */
  idleSince: number;
  timer: NodeJS.Timeout | undefined;
}

/**
 * The sessions of one backend: one per ttl, shared by all requests of that ttl, opened by the first and closed when unused
 * for a while. A request that is not to be renewed gets one of its own, because the others' would keep it alive.
 */
export class Sessions<S extends Session> {
  readonly #options: SessionsOptions<S>;
  readonly #shared = new Map<number, Slot<S>>();
  readonly #slots = new Map<S, Slot<S>>();

  constructor(options: SessionsOptions<S>) {
    this.#options = options;
  }

  /** A live session; each `use` is followed by one `done`. Rejects as `open` does, and the next `use` tries again. */
  async use(ttlMs: number, renew: boolean): Promise<S> {
    for (;;) {
      const slot = renew ? this.#sharedSlot(ttlMs) : this.#open(ttlMs, false);
      slot.uses += 1;
      const session = await slot.session;
      if (isLive(session)) return session;
      // Lost while it was idle or being opened: whoever comes next opens another.
      this.#forget(slot);
      this.done(session);
    }
  }

  done(session: S): void {
    const slot = this.#slots.get(session);
    if (slot === undefined) return;
    slot.uses -= 1;
    if (slot.uses > 0) return;
    const isShared = this.#shared.get(slot.ttlMs) === slot;
    if (!isShared || !isLive(session)) {
      void this.#close(session, slot);
      return;
    }
    slot.idleSince = monotonicMs();
    if (slot.timer === undefined) this.#rest(session, slot, this.#options.idleMs);
  }

  /** The timer goes on while the session is used again, and finds that out: in a loop of short holds it is set once. */
  #rest(session: S, slot: Slot<S>, ms: number): void {
    slot.timer = setTimeout(() => {
      slot.timer = undefined;
      if (slot.uses > 0) return;
      const left = slot.idleSince + this.#options.idleMs - monotonicMs();
      if (left > 0) this.#rest(session, slot, left);
      else void this.#close(session, slot);
    }, ms).unref();
  }

  async close(): Promise<void> {
    const slots = new Set([...this.#shared.values(), ...this.#slots.values()]);
    await Promise.allSettled([...slots].map(async (slot) => this.#close(await slot.session, slot)));
  }

  #sharedSlot(ttlMs: number): Slot<S> {
    const known = this.#shared.get(ttlMs);
    if (known !== undefined) return known;
    const slot = this.#open(ttlMs, true);
    this.#shared.set(ttlMs, slot);
    slot.session.then(undefined, () => this.#forget(slot));
    return slot;
  }

  #open(ttlMs: number, renew: boolean): Slot<S> {
    const opening = this.#options.open(ttlMs, renew).then((session) => {
      this.#slots.set(session, slot);
      // A lost session must not be handed out again, even before its users have noticed.
      session.lease.observe((event) => {
        if (event.type === 'lost') this.#forget(slot);
      });
      return session;
    });
    const slot: Slot<S> = { ttlMs, session: opening, uses: 0, idleSince: 0, timer: undefined };
    return slot;
  }

  #forget(slot: Slot<S>): void {
    if (this.#shared.get(slot.ttlMs) === slot) this.#shared.delete(slot.ttlMs);
  }

  async #close(session: S, slot: Slot<S>): Promise<void> {
    clearTimeout(slot.timer);
    this.#forget(slot);
    if (!this.#slots.delete(session)) return;
    session.lease.end();
    await session.close().then(undefined, () => undefined);
  }
}

function isLive(session: Session): boolean {
  return session.lease.remainingMs > 0;
}
