import { keptWhile } from '@holdfast/core/adapter';
import type { Asking } from './agents.ts';
import type { Consul, Operation, Outcome } from './consul.ts';
import { PlaceLostError, RefusedError } from './errors.ts';
import { awaited, entriesOf, holds } from './queue.ts';
import type { Entry } from './queue.ts';
import type { ConsulSession } from './session.ts';
import { steal } from './steal.ts';
import type { Thief } from './steal.ts';
import type { Ticket } from './ticket.ts';
import { wake } from './wake.ts';
import type { Watches } from './watches.ts';

export interface AcquisitionContext {
  readonly consul: Consul;
  readonly watches: Watches;
  readonly prefix: string;
  /** Those in a queue, by key. */
  readonly tickets: ReadonlyMap<string, Ticket>;
}

/** One passage of a request through the queue, within one session. */
export class Acquisition {
  readonly #context: AcquisitionContext;
  readonly #session: ConsulSession;
  readonly #ticket: Ticket;

  constructor(context: AcquisitionContext, session: ConsulSession, ticket: Ticket) {
    this.#context = context;
    this.#session = session;
    this.#ticket = ticket;
  }

  /** The fencing token once granted; `null` if the request does not wait and the lock is not free. */
  async run(): Promise<bigint | null> {
    const { request } = this.#ticket;
    const { changes } = this.#session;
    const entries = await this.#enter();
    this.#ticket.entered = true;
    const own = this.#find(entries);
    if (request.steal) return steal(entries, own, this.#thief);
    if (holds(entries, own)) {
      // Granted by the very transaction that created the key: its index is the token. Not so if an earlier attempt had created
      // it: others may have held since; nor if it may have been stolen before this line.
      const isFresh = !this.#ticket.doubtful && own.created === own.modified && changes === this.#session.changes;
      if (isFresh) return BigInt(own.created);
    } else {
      if (!request.wait) return null;
      request.onContended();
    }
    const wait = (): Promise<bigint> => this.#wait(entries);
    return request.renew ? wait() : keptWhile(this.#session.lease, wait);
  }

  /**
   * The condition on the session's key makes a request that was given up harmless: it may still lie in the buffers of a frozen
   * agent, and would enter long after its key was removed. So whoever removes a key that was sent in doubt also writes the
   * session's key (see depart.ts), after which no older request passes here.
   */
  async #enter(): Promise<Entry[]> {
    const { key, queue, entry } = this.#ticket;
    for (;;) {
      const outcome = await this.#transact(
        [
          this.#session.isCurrent,
          { Verb: 'lock', Key: key, Session: this.#session.id, Value: entry },
          { Verb: 'get-tree', Key: queue },
        ],
        { onDoubt: () => (this.#ticket.doubtful = true), patienceMs: this.#context.consul.agents.patienceMs },
      );
      if (outcome.applied) return this.#queueIn(outcome.results);
      await this.#session.examine(outcome.why);
    }
  }

  /** Each time it wakes it proves that its own key is still there: nothing else says that its session was alive all the time. */
  async #wait(first: Entry[]): Promise<bigint> {
    for (let seen = first; ;) {
      const own = this.#find(seen);
      let isTurn = holds(seen, own);
      if (!isTurn) {
        const { tickets, watches } = this.#context;
        const next = awaited(seen, own, ({ key }) => placeOf(tickets.get(key)));
        await wake(next, seen, { tickets, watches, session: this.#session, ticket: this.#ticket });
        isTurn = next.direct;
      }
      if (isTurn) {
        seen = await this.#claim();
        const claimed = this.#find(seen);
        if (holds(seen, claimed)) return BigInt(claimed.modified);
      } else {
        seen = entriesOf(await this.#context.consul.list(this.#ticket.queue, this.#asking));
      }
    }
  }

  get #thief(): Thief {
    const { consul, prefix } = this.#context;
    const { queue } = this.#ticket;
    return {
      prefix,
      isInQueue: this.#isInQueue,
      claim: () => this.#rewrite(),
      read: { Verb: 'get-tree', Key: queue },
      transact: (operations) => this.#transact(operations),
      queueIn: ({ results }) => this.#queueIn(results),
      list: async () => entriesOf(await consul.list(queue, this.#asking)),
    };
  }

  /** Writes the own key, if it is there and in this session. If that makes it hold, the new index is the token. */
  async #claim(): Promise<Entry[]> {
    const outcome = await this.#transact([
      this.#isInQueue,
      this.#rewrite(),
      { Verb: 'get-tree', Key: this.#ticket.queue },
    ]);
    if (!outcome.applied) throw new PlaceLostError('The request is not in the queue any more');
    return this.#queueIn(outcome.results);
  }

  get #isInQueue(): Operation {
    return { Verb: 'check-session', Key: this.#ticket.key, Session: this.#session.id };
  }

  #rewrite(): Operation {
    return { Verb: 'lock', Key: this.#ticket.key, Session: this.#session.id, Value: this.#ticket.claim };
  }

  #transact(operations: readonly Operation[], asking: Asking = {}): Promise<Outcome> {
    return this.#context.consul.transact(operations, { ...this.#asking, ...asking });
  }

  /** In the queue there is no reason to give up before the session is over. */
  get #asking(): Asking {
    return { check: () => this.#check(), patienceMs: Infinity };
  }

  #check(): void {
    this.#ticket.request.signal.throwIfAborted();
    if (this.#session.isOver) throw new PlaceLostError('The session is over');
  }

  #queueIn(results: Extract<Outcome, { applied: true }>['results']): Entry[] {
    const entries = entriesOf(inTree(results, this.#ticket.queue));
    // What a token may not read is left out without a word: who does not see itself would not see a holder either.
    if (!entries.some(({ key }) => key === this.#ticket.key)) {
      throw new RefusedError(403, `the ACL token may write but not read ${this.#ticket.queue}`);
    }
    return entries;
  }

  #find(seen: readonly Entry[]): Entry {
    const own = seen.find(({ key }) => key === this.#ticket.key);
    if (own === undefined || this.#session.isOver || this.#ticket.evicted) {
      throw new PlaceLostError('The request is not in the queue any more');
    }
    return own;
  }
}

/** Other operations answer with their key, too: in the tree each has its last state. */
function inTree<T extends { readonly Key: string; readonly Value: string | null }>(
  results: readonly T[],
  queue: string,
): T[] {
  return [
    ...new Map(results.filter(({ Key }) => Key.startsWith(queue)).map((result) => [result.Key, result])).values(),
  ];
}

function placeOf(ticket: Ticket | undefined): 'waiting' | 'holding' | undefined {
  return ticket === undefined || ticket.place === 'gone' ? undefined : ticket.place;
}
