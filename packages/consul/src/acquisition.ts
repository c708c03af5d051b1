import { keptWhile } from '@holdfast/core/adapter';
import { behind, lookBehind } from './hand-over.ts';
import type { Lines } from './lines.ts';
import { Questions } from './questions.ts';
import type { QuestionsContext, View } from './questions.ts';
import { awaited, holds } from './queue.ts';
import type { Awaited, Entry } from './queue.ts';
import type { ConsulSession } from './session.ts';
import { steal } from './steal.ts';
import type { Ticket } from './ticket.ts';
import { wake } from './wake.ts';
import type { Watches } from './watches.ts';

export interface AcquisitionContext extends QuestionsContext {
  readonly watches: Watches;
  readonly lines: Lines;
  /** Those in a queue, by key. */
  readonly tickets: ReadonlyMap<string, Ticket>;
}

/** One passage of a request through the queue, within one session. */
export class Acquisition {
  readonly #context: AcquisitionContext;
  readonly #session: ConsulSession;
  readonly #ticket: Ticket;
  readonly #questions: Questions;

  constructor(context: AcquisitionContext, session: ConsulSession, ticket: Ticket) {
    this.#context = context;
    this.#session = session;
    this.#ticket = ticket;
    this.#questions = new Questions(context, session, ticket);
  }

  /** The fencing token once granted; `null` if the request does not wait and the lock is not free. */
  async run(): Promise<bigint | null> {
    const { request } = this.#ticket;
    const { changes } = this.#session;
    const entries = this.#context.lines.saw(this.#ticket.queue, await this.#questions.enter());
    this.#ticket.entered = true;
    const own = this.#questions.find(entries);
    if (request.steal) return steal(entries, own, this.#questions.thief);
    if (holds(entries, own)) {
      // Granted by the very transaction that created the key: its index is the token. Not so if an earlier attempt had created
      // it: others may have held since; nor if it may have been stolen before this line.
      const isFresh = !this.#ticket.doubtful && own.created === own.modified && changes === this.#session.changes;
      if (isFresh) return BigInt(own.created);
    } else {
      if (!request.wait) return null;
      request.onContended();
      this.#tell(entries);
    }
    const wait = (): Promise<bigint> => this.#wait({ entries, changes });
    return request.renew ? wait() : keptWhile(this.#session.lease, wait);
  }

  /** A holder learns who is behind, if the next one is of its process, too: another one would not expect that (see follow.ts). */
  #tell(entries: readonly Entry[]): void {
    const { tickets } = this.#context;
    const [holder, next] = entries;
    if (holder === undefined || next === undefined || !tickets.has(next.key)) return;
    const ticket = tickets.get(holder.key);
    if (ticket?.place === 'holding') ticket.behind = behind(entries, holder);
  }

  async #wait(first: View): Promise<bigint> {
    let seen: View | bigint = first;
    while (typeof seen !== 'bigint') seen = await this.#step(seen);
    return seen;
  }

  /**
   * It holds when its key says that a release has granted it the lock, or when it has written that key itself and nobody is ahead:
   * nothing else says that its session was alive all the time.
   */
  async #step(view: View): Promise<View | bigint> {
    const { entries } = view;
    const own = this.#questions.find(entries);
    if (own.granted && !this.#ticket.doubtful) {
      return this.#isCurrent(view) ? this.#hold(own, entries) : this.#questions.look();
    }
    if (holds(entries, own)) return this.#claim(own);

    const { tickets, watches } = this.#context;
    const { changes } = this.#session;
    const next = awaited(entries, own, ({ key }) => placeOf(tickets.get(key)));
    const woken = await wake(next, entries, { tickets, watches, session: this.#session, ticket: this.#ticket, own });
    if (woken === 'maybe')
      return next.direct ? this.#claim(own) : (this.#without(next, view) ?? this.#questions.look());
    if (woken === 'look' || this.#ticket.doubtful || !this.#isCurrent({ entries, changes }))
      return this.#questions.look();
    // After the grant is handed over.
    if (this.#ticket.behind.length === 0)
      setImmediate(lookBehind, this.#context.consul, this.#ticket, this.#context.lines);
    return woken;
  }

  /**
   * Who waited exclusively for another of its process now waits for the one directly ahead, and has seen that before. If the queue has
   * changed since, the server tells, or a claim shows it.
   */
  #without({ entry }: Awaited, { entries, changes }: View): View | undefined {
    if (this.#ticket.request.mode !== 'exclusive' || entry === 'queue') return undefined;
    if (placeOf(this.#context.tickets.get(entry.key)) !== undefined) return undefined;
    return { entries: entries.filter((other) => other !== entry), changes };
  }

  async #claim(own: Entry): Promise<View | bigint> {
    const view = await this.#questions.claim(own);
    this.#context.lines.saw(this.#ticket.queue, view.entries);
    const claimed = this.#questions.find(view.entries);
    return view.isClaimed && holds(view.entries, claimed) ? this.#hold(claimed, view.entries) : view;
  }

  /** Whether nothing can have been stolen from the session since `view` was asked for. Throws if it is over, by the clock. */
  #isCurrent({ entries, changes }: View): boolean {
    this.#questions.find(entries);
    return changes === this.#session.changes;
  }

  #hold(own: Entry, entries: readonly Entry[]): bigint {
    this.#ticket.behind = behind(entries, own);
    return BigInt(own.modified);
  }
}

function placeOf(ticket: Ticket | undefined): 'waiting' | 'holding' | undefined {
  return ticket === undefined || ticket.place === 'gone' ? undefined : ticket.place;
}
