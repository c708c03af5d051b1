import { grantedCount, keptWhile } from '@holdfast/core/adapter';
import type { LockRequest } from '@holdfast/core/adapter';
import type { Connection } from './connection.ts';
import { txn } from './direct-client.ts';
import type { Entrance } from './entrance.ts';
import { isLeaseGone } from './errors.ts';
import { awaited, snapshotOf } from './queue.ts';
import type { Entry, Snapshot } from './queue.ts';
import { claim, enter, list } from './requests.ts';
import type { EtcdSession } from './session.ts';
import type { Ticket } from './ticket.ts';
import { rangeOf } from './txn.ts';
import type { Answer } from './txn.ts';
import { wake } from './wake.ts';
import type { Watches } from './watches.ts';

export interface AcquisitionContext {
  readonly connection: Connection;
  readonly watches: Watches;
  readonly prefix: string;
}

/** The request's place in the queue is gone, or its session is: it has to enter again. */
export class PlaceLostError extends Error {
  override readonly name = 'PlaceLostError';
}

/** One passage of a request through the queue, within one session. */
export class Acquisition {
  readonly #context: AcquisitionContext;
  readonly #session: EtcdSession;
  readonly #ticket: Ticket;
  readonly #request: LockRequest;
  readonly #queue: string;
  readonly #entrance: Entrance;

  constructor(
    context: AcquisitionContext,
    session: EtcdSession,
    ticket: Ticket,
    request: LockRequest,
    entrance: Entrance,
  ) {
    this.#context = context;
    this.#session = session;
    this.#ticket = ticket;
    this.#request = request;
    this.#queue = ticket.queue;
    this.#entrance = entrance;
  }

  /** The fencing token once granted; `null` if the entrance did not let it in. */
  async run(): Promise<bigint | null> {
    const seen = await this.#enter();
    if (seen === null) return null;
    const own = this.#find(seen);
    this.#ticket.created = own.created;
    // Granted by the very transaction that created the key: that revision is the token.
    if (this.#entrance.grants || (own.created === seen.revision && this.#holds(seen, own))) return own.created;
    const { onContended, renew } = this.#request;
    onContended();
    const wait = (): Promise<bigint> => this.#wait(seen);
    return await (renew ? wait() : keptWhile(this.#session.lease, wait));
  }

  async #enter(): Promise<Snapshot | null> {
    const { key } = this.#ticket;
    const queue = this.#queue;
    const value = this.#value();
    const exclusive = this.#request.mode === 'exclusive';
    for (let seen: Snapshot | undefined; ;) {
      this.#check();
      const plan = this.#entrance.plan(queue, seen);
      if (plan === null) return null;
      let response: Answer;
      try {
        response = await this.#context.connection.ask(
          (client, options) => txn(client, enter(this.#session, { key, queue, value, exclusive, ...plan }), options),
          { onDoubt: () => (this.#ticket.doubtful = true), check: () => this.#check() },
        );
      } catch (error) {
        if (!isLeaseGone(error)) throw error;
        // Ours, or that of a holder who was to be evicted: the heartbeat tells.
        await this.#session.lease.renew();
        seen = undefined;
        continue;
      }
      if (response.succeeded) this.#session.isKnown = true;
      seen = readQueue(response);
      // Also if an earlier attempt, whose answer was lost, had put it there.
      if (!seen.entries.some((entry) => entry.key === key)) continue;
      // Keys that are no requests (put there by hand) may have taken the place of the one ahead.
      return seen.isWhole || seen.entries.length > 1 ? seen : await this.#read();
    }
  }

  /** Each time it wakes it proves that its own key is still there: nothing else says that its session was alive all the time. */
  async #wait(first: Snapshot): Promise<bigint> {
    for (let seen = first; ;) {
      const own = this.#find(seen);
      if (this.#holds(seen, own)) {
        const granted = await this.#claim(own, false);
        if (typeof granted === 'bigint') return granted;
        seen = granted;
        continue;
      }
      const woken = await wake(own, awaited(seen.entries, seen.entries.indexOf(own)), seen.revision, {
        ...this.#context,
        session: this.#session,
        signal: this.#request.signal,
        client: this.#request.client,
      });
      // The grant was written to our own key: it was there, and with it our lease.
      if (typeof woken === 'bigint' && !this.#session.isOver) return woken;
      const next = await this.#look(own, woken === 'first');
      if (typeof next === 'bigint') return next;
      seen = next;
    }
  }

  /** An exclusive request asks for the lock at once: usually it is its turn. */
  #look(own: Entry, isFirst: boolean): Promise<bigint | Snapshot> {
    return own.mode === 'exclusive' ? this.#claim(own, isFirst) : this.#read();
  }

  async #claim(own: Entry, isFirst: boolean): Promise<bigint | Snapshot> {
    const value = this.#value();
    const response = await this.#ask((client, options) => txn(client, claim(own, value, isFirst), options));
    return response.succeeded ? BigInt(response.header.revision) : readQueue(response);
  }

  async #read(): Promise<Snapshot> {
    const response = await this.#ask((client, options) => client.kv.range(list(this.#queue), options));
    return snapshotOf(response, response.header.revision);
  }

  /** In the queue there is no reason to give up before the session is over. */
  #ask: Connection['ask'] = (call) =>
    this.#context.connection.ask(call, { check: () => this.#check(), patienceMs: Infinity });

  /** What `query` shows. */
  #value(): Buffer {
    const { id, host, pid } = this.#request.client;
    return Buffer.from(JSON.stringify({ client: id, host, pid, since: Date.now() }));
  }

  #check(): void {
    if (this.#request.aborted) throw this.#request.signal.reason;
    if (this.#session.isOver) throw new PlaceLostError('The session is over');
  }

  #find(seen: Snapshot): Entry {
    const own = seen.entries.find(({ key }) => key === this.#ticket.key);
    if (own === undefined || this.#session.isOver) throw new PlaceLostError('The request is not in the queue any more');
    return own;
  }

  #holds({ entries }: Snapshot, own: Entry): boolean {
    return entries.indexOf(own) < grantedCount(entries);
  }
}

/** The queue is the last thing that a transaction reads if it succeeds, and the first if not. */
function readQueue({ header, succeeded, responses }: Answer): Snapshot {
  return snapshotOf(rangeOf(succeeded ? responses.at(-1) : responses[0]), header.revision);
}
