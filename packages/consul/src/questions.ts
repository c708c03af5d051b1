import type { Asking } from './agents.ts';
import type { Consul, Operation, Outcome } from './consul.ts';
import { PlaceLostError, RefusedError } from './errors.ts';
import { entriesOf } from './queue.ts';
import type { Entry } from './queue.ts';
import type { ConsulSession } from './session.ts';
import type { Thief } from './steal.ts';
import type { Ticket } from './ticket.ts';

export interface QuestionsContext {
  readonly consul: Consul;
  readonly prefix: string;
}

/** The queue, and how many changes its session had seen before it was asked for. */
export interface View {
  readonly entries: readonly Entry[];
  readonly changes: number;
}

/** What one request, within one session, asks of the server about its queue. */
export class Questions {
  readonly #consul: Consul;
  readonly #prefix: string;
  readonly #session: ConsulSession;
  readonly #ticket: Ticket;

  constructor({ consul, prefix }: QuestionsContext, session: ConsulSession, ticket: Ticket) {
    this.#consul = consul;
    this.#prefix = prefix;
    this.#session = session;
    this.#ticket = ticket;
  }

  /**
   * The condition on the session's key makes a request that was given up harmless: it may still lie in the buffers of a frozen
   * agent, and would enter long after its key was removed. So whoever removes a key that was sent in doubt also writes the
   * session's key (see depart.ts), after which no older request passes here.
   */
  async enter(): Promise<Entry[]> {
    const { key, queue, entry } = this.#ticket;
    for (;;) {
      const outcome = await this.#transact(
        [
          this.#session.isCurrent,
          { Verb: 'lock', Key: key, Session: this.#session.id, Value: entry },
          { Verb: 'get-tree', Key: queue },
        ],
        { onDoubt: () => (this.#ticket.doubtful = true), patienceMs: this.#consul.agents.patienceMs },
      );
      if (outcome.applied) return this.#queueIn(outcome.results);
      await this.#session.examine(outcome.why);
    }
  }

  async look(): Promise<View> {
    const { changes } = this.#session;
    return { entries: entriesOf(await this.#consul.list(this.#ticket.queue, this.#asking)), changes };
  }

  get thief(): Thief {
    const { queue } = this.#ticket;
    return {
      prefix: this.#prefix,
      isInQueue: this.#isInQueue,
      claim: () => this.#rewrite(),
      read: { Verb: 'get-tree', Key: queue },
      transact: (operations) => this.#transact(operations),
      queueIn: ({ results }) => this.#queueIn(results),
      list: async () => (await this.look()).entries,
    };
  }

  /**
   * Writes the own key, if nobody has since it was seen: a release that granted it the lock is not undone. If it is written, and holds
   * then, its new index is the token.
   */
  async claim({ key, modified }: Entry): Promise<View & { readonly isClaimed: boolean }> {
    const { changes } = this.#session;
    const outcome = await this.#transact([
      { Verb: 'check-index', Key: key, Index: modified },
      this.#rewrite(),
      { Verb: 'get-tree', Key: this.#ticket.queue },
    ]);
    if (outcome.applied) return { entries: this.#queueIn(outcome.results), changes, isClaimed: true };
    const view = await this.look();
    if (this.find(view.entries).modified === modified) throw new PlaceLostError("The request's key can't be written");
    return { ...view, isClaimed: false };
  }

  get #isInQueue(): Operation {
    return { Verb: 'check-session', Key: this.#ticket.key, Session: this.#session.id };
  }

  #rewrite(): Operation {
    return { Verb: 'lock', Key: this.#ticket.key, Session: this.#session.id, Value: this.#ticket.claim };
  }

  #transact(operations: readonly Operation[], asking: Asking = {}): Promise<Outcome> {
    return this.#consul.transact(operations, { ...this.#asking, ...asking });
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

  find(seen: readonly Entry[]): Entry {
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
