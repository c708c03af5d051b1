import { UnsupportedError } from '@holdfast/core/adapter';
import { unavailable } from './errors.ts';
import type { Connection } from './connection.ts';
import type { Keys } from './keys.ts';
import { passGate } from './gate.ts';
import type { SessionContext } from './session.ts';
import { BlockedWait, confirmed } from './wait.ts';
import type { Waiter } from './waiter.ts';

/**
 * All requests of this process for one name that somebody else has: the first is in the server's queue, by one blocked connection, which then
 * owns the lock; the others wait here, and each goes to the end of the server's queue when it is its turn, so that processes alternate.
 */
export class Line {
  readonly keys: Keys;
  readonly #context: SessionContext;
  readonly #waiters: Waiter[] = [];
  readonly #onEmpty: () => void;
  #blocked: BlockedWait | undefined;
  #gateLeft: (() => void) | undefined;
  readonly #onSettled: (() => void)[] = [];
  #isServing = false;
  #asker: Connection | undefined;
  #isHolding = false;
  /** Whether the last one was granted a lock that it shares. */
  #readersCome = false;
  #running = false;

  constructor(context: SessionContext, keys: Keys, onEmpty: () => void) {
    this.#context = context;
    this.keys = keys;
    this.#onEmpty = onEmpty;
  }

  /** Whether a new request must wait behind others of this process. */
  get isTaken(): boolean {
    return this.#waiters.length > 0 || this.#isHolding;
  }

  enter(waiter: Waiter): void {
    this.#waiters.push(waiter);
    if (!this.#running) void this.#run();
  }

  /** Resolves when nothing of it is left; `false`: it was granted the lock, or failed, before. */
  async leave(waiter: Waiter): Promise<boolean> {
    const place = this.#waiters.indexOf(waiter);
    if (place < 0) return false;
    this.#waiters.splice(place, 1);
    if (place > 0) return true;
    const [next] = this.#waiters;
    // Who comes next takes over the place in the server's queue, if it asks for the same.
    if (next?.request.mode === waiter.request.mode) this.#asks();
    else await this.#giveUp();
    return true;
  }

  /** Until the first waiter's wait has left nothing: cancelled, or granted and given back. */
  async #giveUp(): Promise<void> {
    if (!this.#isServing || this.#isHolding) return;
    const settled = new Promise<void>((resolve) => this.#onSettled.push(resolve));
    this.#gateLeft?.();
    await this.#blocked?.cancel();
    await settled;
  }

  /** Whatever the blocked connection has from now on belongs to a waiter that is still there, or is nothing. */
  #settle(): void {
    for (const settled of this.#onSettled.splice(0)) settled();
  }

  /** Whether it is the one that the server knows of. */
  isFirst(waiter: Waiter): boolean {
    return this.#waiters[0] === waiter && !this.#isHolding;
  }

  async #run(): Promise<void> {
    this.#running = true;
    let connection: Connection | undefined;
    while (this.#waiters.length > 0) {
      try {
        if (this.#readersCome && (await this.#join())) continue;
        connection ??= await this.#context.connections.take();
        this.#isServing = true;
        connection = await this.#serve(connection);
      } catch (error) {
        if (error instanceof UnsupportedError || connection?.isLost !== true) this.#fail(error);
        // Whatever it may have locked goes with it.
        connection?.destroy(error);
        connection = undefined;
      } finally {
        this.#isServing = false;
        this.#settle();
      }
    }
    if (connection !== undefined) this.#context.connections.give(connection);
    this.#running = false;
    this.#onEmpty();
  }

  /** A reader behind a reader of this process needs no connection of its own, if nobody waits elsewhere. */
  async #join(): Promise<boolean> {
    this.#readersCome = false;
    const [waiter] = this.#waiters;
    if (waiter?.request.mode !== 'shared') return false;
    const session = await waiter.session();
    const hold = await session.tryLock({ keys: this.keys, mode: 'shared' });
    if (hold === null) return false;
    this.#readersCome = true;
    if (this.#waiters[0] === waiter) this.#waiters.shift()?.resolve({ hold, done: () => undefined });
    else await session.unlock(hold, undefined);
    return true;
  }

  /** Gets the lock for the first waiter. The connection, if it is free again. */
  async #serve(connection: Connection): Promise<Connection | undefined> {
    const mode = this.#waiters[0]?.request.mode;
    if (mode === undefined) return connection;
    this.#blocked = new BlockedWait(this.#context, connection, this.keys, mode);
    this.#asker = connection;
    this.#asks();
    let granted: boolean;
    try {
      granted = await this.#blocked.result;
    } finally {
      this.#blocked = undefined;
      this.#asker = undefined;
    }
    if (!granted) return connection;
    const first = (): Waiter | undefined => (this.#waiters[0]?.request.mode === mode ? this.#waiters[0] : undefined);
    if (mode === 'semaphore') {
      const interrupted = (wake: () => void): void => void (this.#gateLeft = wake);
      const taken = await passGate(this.#context, connection, this.keys, first, interrupted);
      this.#gateLeft = undefined;
      if (taken !== undefined) this.#waiters.shift()?.resolve(taken.granted);
      return connection;
    }
    return await this.#own(connection, mode, first);
  }

  /** The connection has the lock: for the first waiter, or for nobody if all have left. */
  async #own(
    connection: Connection,
    mode: 'exclusive' | 'shared',
    first: () => Waiter | undefined,
  ): Promise<Connection | undefined> {
    let waiter: Waiter | undefined;
    while ((waiter = first()) !== undefined) {
      const { session, token } = await confirmed(this.#context, connection, waiter.request);
      if (first() !== waiter) {
        session.end();
        continue;
      }
      this.#waiters.shift();
      const hold = session.adopt(this.keys, mode, token);
      const isExclusive = mode === 'exclusive';
      this.#isHolding = isExclusive;
      this.#settle();
      const freed = new Promise<void>((done) => waiter?.resolve({ hold, done }));
      if (isExclusive) {
        await freed;
        this.#isHolding = false;
        return connection.isLost ? undefined : connection;
      }
      this.#readersCome = true;
      void freed.then(() => this.#context.connections.give(connection));
      return undefined;
    }
    await connection.ask(this.#context.statements.unlockAll, [connection.id]);
    return connection;
  }

  /** The blocked connection asks for whoever is the first. */
  #asks(): void {
    const [waiter] = this.#waiters;
    if (waiter === undefined || this.#asker === undefined) return;
    if (waiter.entry.state.type === 'pending') waiter.entry.state.asker = this.#asker.id;
    waiter.onAsked(this.#asker);
  }

  /** No connection, no server, no privilege: all who wait here would fare alike. */
  #fail(error: unknown): void {
    for (const waiter of this.#waiters.splice(0)) waiter.reject(unavailable(error));
  }
}
