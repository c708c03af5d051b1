import { monotonicMs } from '@holdfast/core/adapter';
import type { Call } from './call.ts';
import { isTransient } from './errors.ts';
import type { Claim, Holds, RedisGrant } from './holds.ts';
import type { ServerClock } from './server-clock.ts';

export interface WaiterContext {
  readonly holds: Holds;
  /** The acquire script, with `wait`. */
  enter(claim: Claim): Call;
  /** Takes the claim out of the server, whatever has become of it, once `sent` has settled. */
  leave(claim: Claim, sent: Promise<unknown>): Promise<void>;
  /** Makes sure that messages still come. */
  verify(claim: Claim): void;
  /** Granted by message, a turn ago. */
  pushed(claim: Claim, grant: RedisGrant): void;
  /** Granted, or given up. */
  done(claim: Claim): void;
}

/** A first entry that fails because the connection broke is tried once more: the connection may only have been renewed. */
const ENTRY_ATTEMPTS = 2;
/** While the server can't be reached a waiter asks this often, in ms, and at once when the connection is back. */
const RETRY_MS = 1000;
/** Never asks earlier than after this, in ms. */
const MIN_CHECK_MS = 5;
/** A key's ttl is rounded to ms on both ends. */
const ROUNDING_MS = 2;
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * One request in the queue. It sends nothing while it waits: the server tells it of its grant, and when it becomes the
 * first in line, of the time at which the holder must have renewed. Then it asks, in case the holder has died. The others
 * ask too, in case those before them are frozen, but the further back the later: in all, a ttl sees one question of the
 * first, half a one of the second, a third of one of the third, …
 */
export class Waiter {
  readonly granted: Promise<RedisGrant>;
  readonly #claim: Claim;
  readonly #context: WaiterContext;
  #state: 'entering' | 'waiting' | 'over' = 'entering';
  #attempts = 0;
  #asking = false;
  #askAgain = false;
  #heeds = false;
  #call: Call | undefined;
  /** Settles when nothing will come any more of earlier calls that were not answered in time. */
  #unanswered: Promise<unknown> | undefined;
  /** The server's clock when it last said "still waiting", in µs, and whose clock that is. */
  #waitingAt = 0;
  #waitingBy: ServerClock | undefined;
  #timer: NodeJS.Timeout | undefined;
  #resolve: (grant: RedisGrant) => void = () => undefined;
  #reject: (error: unknown) => void = () => undefined;

  constructor(claim: Claim, context: WaiterContext) {
    this.#claim = claim;
    this.#context = context;
    this.granted = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  get name(): string {
    return this.#claim.request.name;
  }

  /** Enters the queue, or asks how things stand: the same script, with the same entry, as often as one likes. */
  ask(): void {
    if (this.#state === 'over') return;
    // What is under way may have run at the server before the event that made somebody ask.
    if (this.#asking) this.#askAgain = true;
    else this.#ask();
  }

  /** By message: granted when the server's clock showed `now`, in µs. */
  push(token: string, now: number, clock: ServerClock | undefined): void {
    if (this.#state === 'over') return;
    const receivedAt = monotonicMs();
    const grantedAt = clock?.earliest(now, receivedAt);
    // The queue has moved to another server in between: the two clocks say nothing of each other.
    const moved = this.#waitingBy !== undefined && this.#waitingBy !== clock;
    // An answer "still waiting" from after that grant: it has ended since. Else its age may be unknown, or too great for
    // the time that the server gives it. To ask is right in every case: what is still there is renewed.
    const grant =
      moved || now <= this.#waitingAt || grantedAt === undefined
        ? undefined
        : this.#context.holds.addPushed(this.#claim, token, grantedAt, receivedAt);
    if (grant === undefined) return this.ask();
    // The message has overtaken the answer that said "waiting".
    if (this.#state === 'entering') this.#claim.request.onContended();
    // Whoever holds next goes on first: to tidy up takes as long as all of this.
    this.#state = 'over';
    this.#resolve(grant);
    setImmediate(() => {
      this.#tidyUp();
      this.#context.pushed(this.#claim, grant);
    });
  }

  /** By message: now first in line, and a holder's time is up in `untilExpiry` ms. */
  first(untilExpiry: number): void {
    if (this.#state !== 'over') this.#schedule(0, untilExpiry);
  }

  /**
   * From now on an abort ends the wait at once. Not before it is known to be one: most locks are free, and a first answer is never long
   * in coming. An abort in the meantime is seen here, and core gives back what was granted in spite of it.
   */
  #heed(): void {
    const { signal } = this.#claim.request;
    if (this.#heeds) return;
    this.#heeds = true;
    if (signal.aborted) this.#onAbort();
    else signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  /** Rejects once the server has forgotten the claim: a grant that was on its way is given back by that. */
  readonly #onAbort = (): void => {
    if (this.#state === 'over') return;
    void this.#leave().then(() => this.#reject(this.#claim.request.signal.reason));
  };

  #ask(): void {
    this.#asking = true;
    this.#askAgain = false;
    clearTimeout(this.#timer);
    const startedAt = monotonicMs();
    const call = (this.#call = this.#context.enter(this.#claim));
    call.reply.then(
      (reply) => {
        this.#asking = false;
        if (this.#state === 'over') return;
        this.#answered(reply, startedAt, call.clock);
        if (this.#askAgain) this.ask();
      },
      (error: unknown) => {
        this.#asking = false;
        this.#unanswered = Promise.all([this.#unanswered, call.settled]);
        if (this.#state === 'over') return;
        this.#failed(error);
        if (this.#askAgain) this.ask();
      },
    );
  }

  #answered(reply: unknown, startedAt: number, clock: ServerClock): void {
    if (!Array.isArray(reply)) {
      const token = String(reply);
      clock.read(startedAt, Number(token));
      return this.#win(this.#context.holds.add(this.#claim, token, startedAt));
    }
    const [place, untilExpiry, now] = reply.map(Number) as [number, number, number];
    clock.read(startedAt, now);
    this.#waitingAt = now;
    this.#waitingBy = clock;
    if (this.#state === 'entering') this.#claim.request.onContended();
    this.#state = 'waiting';
    this.#schedule(place, untilExpiry);
    this.#heed();
  }

  #failed(error: unknown): void {
    if (this.#claim.request.aborted) return this.#onAbort();
    this.#attempts += 1;
    const hopeless = this.#state === 'entering' && this.#attempts === ENTRY_ATTEMPTS;
    if (hopeless || !isTransient(error)) this.#fail(error);
    else if (this.#state === 'entering') this.#askAgain = true;
    else this.#timer = setTimeout(() => this.ask(), RETRY_MS).unref();
  }

  #schedule(place: number, untilExpiry: number): void {
    clearTimeout(this.#timer);
    const turn = place * Math.max(this.#claim.ttlMs, RETRY_MS);
    const delay = Math.min(Math.max(untilExpiry + ROUNDING_MS + turn, MIN_CHECK_MS), LONGEST_TIMER_MS);
    this.#timer = setTimeout(() => {
      this.#context.verify(this.#claim);
      this.ask();
    }, delay).unref();
  }

  #win(grant: RedisGrant): void {
    this.#end();
    this.#resolve(grant);
  }

  /** A server that can't be reached can't be told either, for now: nobody waits for that. */
  #fail(error: unknown): void {
    void this.#leave();
    this.#reject(error);
  }

  async #leave(): Promise<void> {
    this.#end();
    await this.#context.leave(this.#claim, Promise.all([this.#unanswered, this.#call?.settled]));
  }

  #end(): void {
    this.#state = 'over';
    this.#tidyUp();
  }

  #tidyUp(): void {
    clearTimeout(this.#timer);
    if (this.#heeds) this.#claim.request.signal.removeEventListener('abort', this.#onAbort);
    this.#context.done(this.#claim);
  }
}
