import { setTimeout as delay } from 'node:timers/promises';
import { monotonicMs } from '@holdfast/core/adapter';
import type { Broker } from './driver.ts';
import { ClosedError, DivergedError, errorType, isUnclear } from './errors.ts';
import { fold } from './fold.ts';
import type { Change, PartitionState } from './fold.ts';
import type { Leader } from './leader.ts';
import { LogReader } from './log-reader.ts';
import { isSame } from './mark.ts';
import type { Mark } from './mark.ts';
import type { LockRecord } from './record.ts';
import { readTail } from './tail.ts';
import type { Placed, Tail } from './tail.ts';

/** A record that has just been folded. */
export interface Folded {
  readonly record: LockRecord;
  readonly mark: Mark;
  /** {@link monotonicMs} */
  readonly receivedAt: number;
  readonly changes: readonly Change[];
}

export interface FollowerListener {
  /**
   * The state is about to be built anew, from a checkpoint: what led to that is not told. `diverged`: the log is not what was followed
   * so far, or that was deleted; what was in it may not be in this one.
   */
  loading(tail: Tail, diverged: boolean): void;
  folded(folded: Folded): void;
  /** All that has arrived is folded. */
  settled(position: number): void;
  /** The log can't be followed, and trying again would not help. */
  failed(error: unknown): void;
}

/** So long a read waits at the broker for something to be appended, in ms: the idle traffic of a partition in use. */
const POLL_MS = 5000;
const RETRY_MS = 50;
const LONGEST_RETRY_MS = 1000;

/** Folds the records of a partition as they come, from its last checkpoint on. */
export class Follower {
  readonly #leader: Leader;
  readonly #listener: FollowerListener;
  #state: PartitionState | undefined;
  #position = 0;
  /** The last record that was read; nothing is known to be before the position without it. */
  #last: Mark | undefined;
  /** The log that is read has {@link #last}. */
  #verified = false;
  #following: Promise<void> | undefined;
  #wanted = false;

  constructor(leader: Leader, listener: FollowerListener) {
    this.#leader = leader;
    this.#listener = listener;
  }

  get state(): PartitionState | undefined {
    return this.#state;
  }

  /** Offset of the next record to fold; 0 before anything is known. */
  get position(): number {
    return this.#state === undefined ? 0 : this.#position;
  }

  start(): void {
    this.#wanted = true;
    this.#following ??= this.#follow();
  }

  /** Closes the connections, too. */
  async stop(error: Error): Promise<void> {
    this.#wanted = false;
    this.#leader.close(error);
    await this.#following;
  }

  async #follow(): Promise<void> {
    let diverged = false;
    for (let pause = RETRY_MS; this.#wanted; pause = Math.min(2 * pause, LONGEST_RETRY_MS)) {
      let broker: Broker | undefined;
      try {
        broker = await this.#leader.get();
        const log = new LogReader(this.#leader, broker);
        // Whoever answers from here on may have another log than who did before.
        this.#verified = false;
        if (this.#state === undefined) await this.#load(log, diverged);
        diverged = false;
        while (this.#wanted) {
          await this.#read(log);
          pause = RETRY_MS;
        }
      } catch (error) {
        if (!this.#wanted) break;
        // Deleted by now, or taken back because replicas that had it are gone: begin anew with what there is.
        if (error instanceof DivergedError || errorType(error) === 'OFFSET_OUT_OF_RANGE') {
          diverged ||= this.#state !== undefined;
          this.#state = undefined;
        } else if (!isUnclear(error)) {
          this.#wanted = false;
          this.#listener.failed(error);
          break;
        }
        await this.#leader.failed(broker, error);
        await delay(pause, undefined, { ref: false });
      }
    }
    this.#state = undefined;
    this.#following = undefined;
    // Wanted again while it was ending.
    if (this.#wanted) this.start();
  }

  async #load(log: LogReader, diverged: boolean): Promise<void> {
    const tail = await readTail(log);
    const receivedAt = monotonicMs();
    this.#state = tail.state;
    this.#position = tail.checkpointAt + 1;
    this.#listener.loading(tail, diverged);
    for (const placed of tail.rest) this.#take(placed, receivedAt);
    this.#position = tail.next;
    this.#last = tail.last;
    this.#verified = true;
    this.#listener.settled(this.#position);
  }

  async #read(log: LogReader): Promise<void> {
    const placed = await this.#next(log);
    const receivedAt = monotonicMs();
    if (!this.#wanted) throw new ClosedError('No longer read');
    for (const one of placed) this.#take(one, receivedAt);
    const last = placed.at(-1);
    if (last !== undefined) {
      this.#last = last;
      this.#position = last.offset + 1;
    }
    this.#listener.settled(this.#position);
  }

  /**
   * What comes behind the last record, of the same log: a new leader may lack what the old one had, and a topic that was made anew has
   * other records at the same offsets.
   */
  async #next(log: LogReader): Promise<readonly Placed[]> {
    const last = this.#last;
    if (last === undefined || this.#verified) {
      const placed = log.place(await log.fetch(this.#position, POLL_MS));
      // One leader's records follow each other. Those of another one do only if it had all that came before.
      if (last === undefined || (placed[0]?.epoch ?? last.epoch) === last.epoch) return placed;
    }
    const [same, ...placed] = log.place(await log.fetch(last.offset, POLL_MS));
    if (same === undefined) return [];
    if (!isSame(same, last)) throw new DivergedError();
    this.#verified = true;
    return placed;
  }

  #take({ record, ...mark }: Placed, receivedAt: number): void {
    if (this.#state === undefined || record === undefined) return;
    const changes = fold(this.#state, record, mark.appendedAt);
    this.#listener.folded({ record, mark, receivedAt, changes });
  }
}
