import { setTimeout as delay } from 'node:timers/promises';
import { BackendUnavailableError, monotonicMs } from '@holdfast/core/adapter';
import type { BrokerClock } from './broker-clock.ts';
import type { Broker } from './driver.ts';
import { ClosedError, isSequenceError, isUnclear, NeverSentError, unavailable } from './errors.ts';
import type { Leader } from './leader.ts';
import { Producer } from './producer.ts';
import { VERSION } from './record.ts';
import type { LockRecord, Operation } from './record.ts';

export interface Receipt {
  /** {@link monotonicMs} when it was first sent: no later than its append. */
  readonly startedAt: number;
}

interface Pending {
  readonly record: LockRecord;
  readonly size: number;
  sent: boolean;
  /** Somebody still waits for it. */
  awaited: boolean;
  readonly resolve: (receipt: Receipt) => void;
  readonly reject: (error: unknown) => void;
}

interface Batch {
  readonly pending: readonly Pending[];
  readonly startedAt: number;
}

export interface WriterOptions {
  readonly leader: Leader;
  readonly clock: BrokerClock;
  readonly session: string;
  readonly patienceMs: number;
  /** Records up to this offset (not included) have been folded. */
  readonly position: () => number;
  /** What is in the log for some time has not been read: the connection for reading may be dead. */
  readonly onDoubt: () => void;
}

/** Below the broker's limit for a batch (1 MiB by default). */
const BATCH_SIZE = 400_000;
const RETRY_MS = 50;
const LONGEST_RETRY_MS = 500;

/**
 * Appends to one partition, one batch at a time, in the order of the calls; what is asked for meanwhile shares the next batch. A batch
 * whose answer was lost is sent again with the same sequence number until it is known to be in the log, and nothing else before
 * that: the broker takes it once, and a copy that was long under way is refused once anything has followed it. So a
 * `leave` is always behind its request.
 */
export class Writer {
  readonly #options: WriterOptions;
  #queue: Pending[] = [];
  /** Appended, or perhaps; resolved when the fold has come to them. */
  readonly #unfolded = new Map<number, { readonly pending: Pending; readonly startedAt: number; offset?: number }>();
  readonly #producer: Producer;
  #number = 0;
  #running: Promise<void> | undefined;
  #closed = false;
  #lastError: Error | undefined;

  constructor(options: WriterOptions) {
    this.#options = options;
    this.#producer = new Producer(options.leader, options.clock);
  }

  /** Nothing is under way. */
  get idle(): boolean {
    return this.#running === undefined && this.#unfolded.size === 0;
  }

  /**
   * Resolves once the record has been folded here. Rejects with `BackendUnavailableError` after `patience`: it may then be in the log,
   * or come there yet, unless it has not been sent; that one is dropped, if it is not to be `kept`.
   */
  append(operation: Operation, keep: boolean = false): Promise<Receipt> {
    if (this.#closed) return Promise.reject(new ClosedError('The client was closed'));
    const { session, patienceMs, leader } = this.#options;
    const { partitions } = leader.cluster.options;
    const record: LockRecord = { version: VERSION, session, number: this.#number++, partitions, ...operation };
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        const dropped = !pending.sent && !keep;
        if (dropped) this.#queue = this.#queue.filter((other) => other !== pending);
        const Reason = dropped ? NeverSentError : BackendUnavailableError;
        const why = this.#lastError === undefined ? 'what was appended was not read back' : this.#lastError.message;
        pending.reject(new Reason(`${why} (for ${patienceMs} ms)`, { cause: this.#lastError }));
      }, patienceMs);
      timer.unref();
      const settle = <T>(done: (value: T) => void): ((value: T) => void) => {
        return (value) => {
          clearTimeout(timer);
          pending.awaited = false;
          done(value);
        };
      };
      const pending: Pending = {
        record,
        size: Buffer.byteLength(JSON.stringify(record)),
        sent: false,
        awaited: true,
        resolve: settle(resolve),
        reject: settle(reject),
      };
      this.#queue.push(pending);
      // In a microtask, so that requests made together are sent together.
      this.#running ??= Promise.resolve().then(() => this.#run());
    });
  }

  /** The fold has come to a record of this session. */
  folded(number: number): void {
    const found = this.#unfolded.get(number);
    if (found === undefined) return;
    this.#unfolded.delete(number);
    found.pending.resolve({ startedAt: found.startedAt });
  }

  /** The fold has come to `offset`, perhaps by way of a checkpoint that has our records in it. */
  reached(offset: number): void {
    for (const [number, { offset: at = Infinity }] of this.#unfolded) if (at < offset) this.folded(number);
  }

  /** What was appended may have been taken back: its offset proves nothing any more, only that it is read. */
  diverged(): void {
    for (const unfolded of this.#unfolded.values()) delete unfolded.offset;
  }

  /** The fold does not count this one, or can't go on at all. */
  refuse(error: unknown, number?: number): void {
    for (const [key, { pending }] of this.#unfolded) {
      if (number !== undefined && number !== key) continue;
      this.#unfolded.delete(key);
      pending.reject(error);
    }
  }

  /** Takes back a request that has not been sent; `false` if it may have been. */
  takeBack(owner: string): boolean {
    const index = this.#queue.findIndex(({ record }) => record.type === 'request' && record.owner === owner);
    if (index < 0) return false;
    const [pending] = this.#queue.splice(index, 1);
    pending?.reject(new ClosedError('The request was taken back'));
    return true;
  }

  /** Nothing more will be sent. What is under way rejects. */
  close(error: Error): void {
    this.#closed = true;
    for (const pending of this.#queue.splice(0)) pending.reject(error);
    for (const { pending } of this.#unfolded.values()) pending.reject(error);
    this.#unfolded.clear();
  }

  async #run(): Promise<void> {
    while (this.#queue.length > 0 && !this.#closed) await this.#deliver(this.#take());
    this.#running = undefined;
  }

  #take(): Batch {
    let size = 0;
    const count = this.#queue.findIndex((pending) => (size += pending.size) > BATCH_SIZE);
    const pending = this.#queue.splice(0, count < 0 ? this.#queue.length : Math.max(count, 1));
    return { pending, startedAt: monotonicMs() };
  }

  async #deliver(batch: Batch): Promise<void> {
    for (const pending of batch.pending) {
      pending.sent = true;
      this.#unfolded.set(pending.record.number, { pending, startedAt: batch.startedAt });
    }
    for (let pause = RETRY_MS, attempt = 1; !this.#closed; attempt += 1) {
      let broker: Broker | undefined;
      try {
        broker = await this.#options.leader.get();
        const records = batch.pending.map(({ record }) => record);
        return this.#delivered(batch, await this.#producer.send(broker, records, batch.startedAt, attempt === 1));
      } catch (error) {
        // Before anything is awaited: whoever asks meanwhile is told why it takes so long.
        this.#lastError = unavailable(error);
        if (!isUnclear(error)) return this.#refused(batch, error);
        if (isSequenceError(error)) this.#producer.forget();
        await this.#options.leader.failed(broker, error);
      }
      await delay(pause, undefined, { ref: false });
      pause = Math.min(2 * pause, LONGEST_RETRY_MS);
      if (this.#isFolded(batch)) return this.#producer.appended(batch.pending.length);
    }
  }

  #delivered(batch: Batch, baseOffset: number): void {
    this.#producer.appended(batch.pending.length);
    this.#lastError = undefined;
    batch.pending.forEach(({ record, awaited }, i) => {
      const unfolded = this.#unfolded.get(record.number);
      // What nobody waits for any more need not be read here, either.
      if (!awaited) this.#unfolded.delete(record.number);
      else if (unfolded !== undefined && baseOffset >= 0) unfolded.offset = baseOffset + i;
    });
    this.reached(this.#options.position());
    if (this.#isFolded(batch)) return;
    const { timeoutMs } = this.#options.leader.cluster.options;
    setTimeout(() => {
      if (!this.#isFolded(batch)) this.#options.onDoubt();
    }, timeoutMs / 2).unref();
  }

  /** By an answer, for good. An earlier attempt may have got through all the same, so its numbers are not used again. */
  #refused(batch: Batch, error: unknown): void {
    this.#producer.forget();
    for (const { record, reject } of batch.pending) {
      this.#unfolded.delete(record.number);
      reject(unavailable(error));
    }
  }

  #isFolded(batch: Batch): boolean {
    return batch.pending.every(({ record }) => !this.#unfolded.has(record.number));
  }
}
