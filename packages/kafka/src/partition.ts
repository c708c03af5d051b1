import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { monotonicMs } from '@holdfast/core/adapter';
import type { QueueEntry, QueueState } from '@holdfast/core/adapter';
import { Audience } from './audience.ts';
import { BrokerClock } from './broker-clock.ts';
import { CheckpointPlan } from './checkpoint-plan.ts';
import { partsOf } from './checkpoint.ts';
import type { Cluster } from './cluster.ts';
import { within } from './deadline.ts';
import { ClosedError, SilenceError, unavailable } from './errors.ts';
import { agrees } from './fold.ts';
import type { PartitionState } from './fold.ts';
import { Follower } from './follower.ts';
import type { Folded } from './follower.ts';
import { Leader } from './leader.ts';
import { LogReader } from './log-reader.ts';
import { Lookout } from './lookout.ts';
import type { Mark } from './mark.ts';
import type { Sighting } from './lookout.ts';
import type { Operation } from './record.ts';
import type { Tail } from './tail.ts';
import type { Ticket } from './ticket.ts';
import { unfitPartitions } from './topic.ts';
import { Writer } from './writer.ts';
import type { Receipt } from './writer.ts';

export interface PartitionOptions {
  readonly id: number;
  readonly cluster: Cluster;
  /** Of this backend; by it the own records are known again. */
  readonly session: string;
  /** In ms. */
  readonly longestTtl: number;
}

/** A partition that nobody here uses any more is followed for so much longer, in ms. */
const LINGER_MS = 30_000;
/** A tick that could not be appended is tried again after this time, in ms. */
const TICK_RETRY_MS = 1000;

/** The requests of this process in one partition: writes for them, and tells them what the log makes of it. */
export class Partition {
  readonly #options: PartitionOptions;
  readonly #clock = new BrokerClock();
  readonly #leader: Leader;
  readonly #follower: Follower;
  readonly #writer: Writer;
  readonly #lookout: Lookout;
  readonly #plan: CheckpointPlan;
  readonly #audience = new Audience(this.#clock);
  /** Names whose queues have changed since the last `#settled`. */
  readonly #touched = new Set<string>();
  readonly #arrivals = new Map<() => void, number>();
  #seen: Sighting = { broker: 0, receivedAt: 0 };
  #linger: NodeJS.Timeout | undefined;
  #uses = 0;
  #closed = false;

  constructor(options: PartitionOptions) {
    const { id, cluster, session, longestTtl } = options;
    this.#options = options;
    this.#plan = new CheckpointPlan(longestTtl);
    this.#leader = new Leader(id, cluster, this.#clock);
    this.#follower = new Follower(this.#leader, {
      loading: (tail, diverged) => this.#loading(tail, diverged),
      folded: (folded) => this.#folded(folded),
      settled: (position) => this.#settled(position),
      failed: (error) => this.#failed(unavailable(error)),
    });
    this.#writer = new Writer({
      leader: this.#leader,
      clock: this.#clock,
      session,
      patienceMs: cluster.options.patienceMs,
      position: () => this.#follower.position,
      onDoubt: () => this.#leader.close(new ClosedError('What was appended did not arrive')),
    });
    this.#lookout = new Lookout((name) => this.#tick(name));
  }

  get queues(): ReadonlyMap<string, QueueState> {
    return this.#follower.state?.queues ?? new Map<string, QueueState>();
  }

  /** What the queue has of this request. */
  entry(ticket: Ticket): QueueEntry | undefined {
    const { name, owner } = ticket.request;
    return this.queues.get(name)?.entries.find((entry) => entry.owner === owner);
  }

  add(ticket: Ticket): void {
    this.#audience.add(ticket);
    this.#use();
  }

  remove(ticket: Ticket): void {
    if (this.#audience.remove(ticket)) this.#unuse();
  }

  /** Resolves once the operation has been folded here; every ticket shows it then. See {@link Writer.append}. */
  async append(operation: Operation, keep: boolean = false): Promise<Receipt> {
    this.#use();
    try {
      return await this.#writer.append(operation, keep);
    } finally {
      this.#unuse();
    }
  }

  /** Takes a request back that was not sent; `false` if it may be in the log. */
  takeBack(ticket: Ticket): boolean {
    return this.#writer.takeBack(ticket.request.owner);
  }

  /** Resolves with what to call when all has been looked at, once everything that is in the log by now has been folded. */
  async refreshed(): Promise<() => void> {
    const { cluster } = this.#options;
    this.#use();
    try {
      const end = await cluster.patiently(() => this.#end());
      const { patienceMs } = cluster.options;
      await within(patienceMs, this.#arrival(end), () => new SilenceError('reading', patienceMs));
    } catch (error) {
      this.#unuse();
      throw unavailable(error);
    }
    return () => this.#unuse();
  }

  /** Says what is still to be said, for up to `ms`; then closes the connections. */
  async close(ms: number): Promise<void> {
    const until = monotonicMs() + ms;
    while (!this.#writer.idle && monotonicMs() < until) await delay(5, undefined, { ref: false });
    this.#closed = true;
    clearTimeout(this.#linger);
    this.#lookout.close();
    const error = new ClosedError('The client was closed');
    this.#writer.close(error);
    await this.#follower.stop(error);
  }

  #end(): Promise<number> {
    return this.#leader.ask((broker) => new LogReader(this.#leader, broker).end());
  }

  async #arrival(end: number): Promise<void> {
    if (this.#follower.state !== undefined && this.#follower.position >= end) return;
    await new Promise<void>((resolve) => this.#arrivals.set(resolve, end));
  }

  #use(): void {
    this.#uses += 1;
    clearTimeout(this.#linger);
    if (!this.#closed) this.#follower.start();
  }

  #unuse(): void {
    this.#uses -= 1;
    if (this.#uses > 0 || this.#closed) return;
    clearTimeout(this.#linger);
    this.#linger = setTimeout(() => void this.#follower.stop(new ClosedError('No longer used')), LINGER_MS);
    this.#linger.unref();
  }

  #loading(tail: Tail, diverged: boolean): void {
    this.#plan.loading(tail);
    if (diverged) this.#writer.diverged();
    this.#audience.reloading();
  }

  #folded(folded: Folded): void {
    const { record, mark, receivedAt, changes } = folded;
    const state = this.#follower.state;
    if (state === undefined) return;
    this.#seen = { broker: mark.appendedAt, receivedAt };
    for (const change of changes) {
      this.#touched.add(change.name);
      this.#audience.tell(change, folded);
    }
    if (record.session !== this.#options.session) return void this.#plan.due(record, mark.offset, state);
    if (!agrees(state, record)) {
      return this.#writer.refuse(unfitPartitions(this.#options.cluster.options, state.partitions), record.number);
    }
    this.#writer.folded(record.number);
    if (this.#plan.due(record, mark.offset, state)) this.#writeCheckpoint(state, mark);
  }

  #settled(position: number): void {
    this.#reconcile(this.#audience.reloaded());
    this.#writer.reached(position);
    for (const [resolve, end] of this.#arrivals) {
      if (position < end) continue;
      this.#arrivals.delete(resolve);
      resolve();
    }
    for (const name of this.#touched) this.#watch(name);
    this.#touched.clear();
  }

  /** Those who were in the queue before the state was built anew. */
  #reconcile(tickets: readonly Ticket[]): void {
    for (const ticket of tickets) {
      const entry = this.entry(ticket);
      ticket.reconcile(entry);
      // A hold that its holder no longer has keeps nobody waiting.
      if (entry !== undefined && ticket.state.kind === 'gone') {
        this.append({ type: 'leave', owner: entry.owner }, true).then(undefined, () => undefined);
      }
    }
    // How much of the holders' time has passed is not known from records that are old by now.
    for (const name of new Set(tickets.map(({ request }) => request.name))) this.#tick(name);
  }

  #watch(name: string): void {
    if (this.#closed) return;
    this.#lookout.update(name, this.queues.get(name), (owner) => this.#audience.has(owner), this.#seen);
  }

  #tick(name: string): void {
    // If it was not appended, nothing that is read will bring the watch about again.
    this.append({ type: 'tick', names: [name] }).then(undefined, () => {
      setTimeout(() => this.#watch(name), TICK_RETRY_MS).unref();
    });
  }

  #writeCheckpoint(state: PartitionState, last: Mark): void {
    // In one go: the state changes with the next record.
    for (const part of partsOf(state, last, randomUUID())) {
      // If one fails, the next multiple's writer makes up for it.
      this.append({ type: 'checkpoint', ...part }).then(undefined, () => undefined);
    }
  }

  #failed(error: unknown): void {
    this.#writer.refuse(error);
    this.#audience.fail(error);
  }
}
