import { LocksClosedError } from '@holdfast/core/adapter';
import type { QueueEntry, QueueState } from '@holdfast/core/adapter';
import { hostMs } from './clock.ts';
import { Log } from './log/log.ts';
import type { LogOptions, Receipt } from './log/log.ts';
import { sessionOf } from './log/record.ts';
import type { Operation } from './log/record.ts';
import type { Applied } from './log/state.ts';
import { Lookout } from './lookout.ts';
import type { Peers } from './session/peers.ts';
import type { Ticket } from './ticket.ts';

export interface PartitionOptions extends Omit<LogOptions, 'onApplied' | 'onRestored'> {
  readonly id: string;
  readonly peers: Peers;
}

interface Job {
  /** Absent: only read what others appended. */
  readonly operation?: Operation;
  readonly resolve: (receipt: Receipt | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/** One log and the requests of this process in it: carries its changes to them, and wakes the processes whom they concern. */
export class Partition {
  readonly #options: PartitionOptions;
  readonly #log: Log;
  readonly #tickets = new Map<string, Ticket>();
  #jobs: Job[] = [];
  #running: Promise<void> | undefined;
  /** Since the last `#settle`: names whose queue changed, and processes to be told. */
  readonly #touched = new Set<string>();
  readonly #concerned = new Set<string>();
  readonly #lookout: Lookout;
  #closed = false;

  constructor(options: PartitionOptions) {
    this.#options = options;
    this.#log = new Log({
      ...options,
      onApplied: (applied, own) => this.#onApplied(applied, own),
      onRestored: () => this.#onRestored(),
    });
    this.#lookout = new Lookout({
      session: options.session,
      peers: options.peers,
      watcher: {
        onDeath: (session) => this.#inBackground(this.append({ type: 'dead', session })),
        onDoubt: () => this.wake(),
      },
      onExpiry: (name) => this.#inBackground(this.#expire(name)),
    });
  }

  get queues(): ReadonlyMap<string, QueueState> {
    return this.#log.state.queues;
  }

  /** What the queue has of this request. */
  entry(ticket: Ticket): QueueEntry | undefined {
    return this.queues.get(ticket.request.name)?.entries.find((entry) => entry.owner === ticket.key);
  }

  add(ticket: Ticket): void {
    this.#tickets.set(ticket.key, ticket);
  }

  remove(ticket: Ticket): void {
    this.#tickets.delete(ticket.key);
  }

  /** Resolves when the operation has its place in the log and every ticket shows it. What is asked for meanwhile shares a write. */
  append(operation: Operation): Promise<Receipt> {
    return this.#enqueue(operation) as Promise<Receipt>;
  }

  /** Reads what others appended. */
  async refresh(): Promise<void> {
    await this.#enqueue();
  }

  /** Somebody appended something that concerns this process. */
  wake(): void {
    this.#inBackground(this.refresh());
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#lookout.close();
    await this.#running;
    await this.#log.close();
  }

  #enqueue(operation?: Operation): Promise<Receipt | undefined> {
    // The socket is about to go, and with it the right to append.
    if (this.#closed) return Promise.reject(new LocksClosedError());
    return new Promise((resolve, reject) => {
      this.#jobs.push({ ...(operation === undefined ? {} : { operation }), resolve, reject });
      // In a microtask, so that requests made together are written together.
      this.#running ??= Promise.resolve().then(() => this.#run());
    });
  }

  async #run(): Promise<void> {
    while (this.#jobs.length > 0) {
      const jobs = this.#jobs;
      this.#jobs = [];
      await this.#commit(jobs);
    }
    this.#running = undefined;
  }

  async #commit(jobs: readonly Job[]): Promise<void> {
    const operations = jobs.flatMap((job) => job.operation ?? []);
    try {
      if (operations.length === 0) await this.#log.refresh();
      const receipts = (await this.#log.append(operations)).values();
      // Others are told before the caller goes on: it may close, or end the process.
      this.#settle();
      for (const job of jobs) job.resolve(job.operation === undefined ? undefined : receipts.next().value);
      await this.#log.rotate();
      this.#settle();
    } catch (error) {
      // Whatever was read before it failed.
      this.#settle();
      // Those resolved above stay so: then only the rotation failed, and the next operation tries it again.
      for (const job of jobs) job.reject(error);
    }
  }

  #onApplied({ name, change, left, behind }: Applied, own: boolean): void {
    this.#touched.add(name);
    for (const entry of change.granted) this.#tickets.get(entry.owner)?.granted(entry.token ?? 0n);
    for (const { entry, reason } of change.ended) this.#tickets.get(entry.owner)?.ended(reason);
    // Not by its own `leave`, before which the ticket is taken out here: somebody buried this session.
    if (left !== undefined) this.#tickets.get(left.owner)?.ended('expired');
    // The writer of a record tells those whom it concerns; so each is told once.
    if (!own) return;
    const stolen = change.ended.some(({ reason }) => reason === 'stolen');
    for (const entry of change.granted) this.#concerned.add(sessionOf(entry.owner));
    for (const { entry } of change.ended) this.#concerned.add(sessionOf(entry.owner));
    // Whoever stood behind a waiter that left has somebody else ahead of it now, and must watch that one.
    if (left?.token === undefined && behind !== undefined) this.#concerned.add(sessionOf(behind.owner));
    // The first waiter keeps the time of all holders. It knows them, unless it has just become the first (the one granted
    // may be frozen, and has a short time only to confirm), or they were stolen from.
    if (!stolen && change.granted.length === 0) return;
    const first = this.queues.get(name)?.entries.find((entry) => entry.token === undefined);
    if (first !== undefined) this.#concerned.add(sessionOf(first.owner));
  }

  #onRestored(): void {
    for (const ticket of this.#tickets.values()) {
      const { name } = ticket.request;
      this.#touched.add(name);
      // One that is entering has its record still to come.
      if (ticket.state.kind === 'entering') continue;
      ticket.reconcile(this.entry(ticket));
    }
    for (const name of this.#lookout.names) this.#touched.add(name);
  }

  #settle(): void {
    this.#concerned.delete(this.#options.session);
    for (const session of this.#concerned) this.#options.peers.wake(session, this.#options.id);
    this.#concerned.clear();
    if (this.#closed) return;
    for (const name of this.#touched) this.#lookout.update(name, this.queues.get(name));
    this.#touched.clear();
    this.#lookout.watch();
  }

  /** The holder may have renewed since, which nobody told: so read first, and append only if its time is really up. */
  async #expire(name: string): Promise<void> {
    this.#touched.add(name);
    await this.refresh();
    const queue = this.queues.get(name);
    if (queue !== undefined && queue.entries.some((entry) => entry.expiresAt <= hostMs()))
      await this.append({ type: 'tick', name });
  }

  /** Work that no request awaits. If it fails, those that wait can't be woken any more, and say so. */
  #inBackground(work: Promise<unknown>): void {
    work.then(undefined, (error: unknown) => {
      for (const ticket of this.#tickets.values()) ticket.fail(error);
    });
  }
}
