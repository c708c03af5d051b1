import type { PartitionState } from './fold.ts';
import type { LockRecord } from './record.ts';
import type { Tail } from './tail.ts';

/** A checkpoint is due after so many records, or after twice as many as there are requests in the partition, if that is more. */
const EVERY = 250;
/** Of the longest ttl: with {@link longestTtl} a quarter of the retention, an eighth of it. */
const STALE_FRACTION = 1 / 2;

/**
 * When this client has to write a checkpoint: when its own record is the one at which one is due. So there is one writer, who is alive,
 * and no agreement; if it dies over it, the next multiple's writer follows.
 */
export class CheckpointPlan {
  readonly #staleMs: number;
  #at = 0;
  #time = 0;

  constructor(longestTtlMs: number) {
    this.#staleMs = longestTtlMs * STALE_FRACTION;
  }

  /** Before what follows the checkpoint is folded. */
  loading({ checkpointAt, state }: Tail): void {
    this.#at = checkpointAt;
    this.#time = state.time;
  }

  /** Whether the client that wrote `record` has to write one now. */
  due(record: LockRecord, offset: number, state: PartitionState): boolean {
    if (record.type === 'checkpoint') {
      if (record.part !== record.parts - 1 || record.at <= this.#at) return false;
      this.#at = record.at;
      this.#time = record.time;
      return false;
    }
    const every = Math.max(EVERY, 2 * state.names.size);
    if (this.#time === 0) this.#time = state.time;
    const stale = state.names.size > 0 && state.time - this.#time > this.#staleMs;
    // Not again with every record until it has arrived.
    if (stale) this.#time = state.time;
    return stale || (offset > this.#at && (offset - this.#at) % every === 0);
  }
}
