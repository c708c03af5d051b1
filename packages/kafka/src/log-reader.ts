import { monotonicMs } from '@holdfast/core/adapter';
import type { Broker, Message } from './driver.ts';
import { errorType, SilenceError } from './errors.ts';
import type { Leader } from './leader.ts';
import { decode } from './record.ts';
import { unfitSettings } from './topic.ts';
import type { LogEnd, Placed } from './tail.ts';

/** `ListOffsets` */
const LATEST = '-1';
const EARLIEST = '-2';
/** All that the replicas have, also what belongs to transactions: locks have none. */
const READ_UNCOMMITTED = 0;
const MAX_BYTES = 4 * 1024 * 1024;
const LOG_APPEND_TIME = 1;

/** Reads one partition from its leader. */
export class LogReader implements LogEnd {
  readonly #leader: Leader;
  readonly #broker: Broker;

  constructor(leader: Leader, broker: Broker) {
    this.#leader = leader;
    this.#broker = broker;
  }

  end(): Promise<number> {
    return this.#offset(LATEST);
  }

  start(): Promise<number> {
    return this.#offset(EARLIEST);
  }

  async read(from: number, to: number): Promise<Placed[] | undefined> {
    const { timeoutMs, patienceMs } = this.#leader.cluster.options;
    const placed: Placed[] = [];
    let progressAt = monotonicMs();
    for (let next = from; next < to;) {
      let more: readonly Message[];
      try {
        more = await this.fetch(next, timeoutMs);
      } catch (error) {
        if (errorType(error) === 'OFFSET_OUT_OF_RANGE') return undefined;
        throw error;
      }
      if (more.length === 0) {
        // Who is over a quota is answered with nothing, whatever there is. Or the last of it was taken back: the next attempt finds out.
        if (monotonicMs() - progressAt > patienceMs)
          throw new SilenceError('reading to the end of the log', patienceMs);
        continue;
      }
      progressAt = monotonicMs();
      placed.push(...this.place(more));
      next = offsetAfter(more, next);
    }
    return placed;
  }

  /** Waits at the broker for up to `waitMs`. Control records are among the answer; so are none that precede `offset`. */
  async fetch(offset: number, waitMs: number): Promise<readonly Message[]> {
    const { topic, timeoutMs } = this.#leader.cluster.options;
    const { responses } = await this.#leader.cluster.ask(
      this.#broker,
      'reading',
      this.#broker.fetch({
        isolationLevel: READ_UNCOMMITTED,
        maxWaitTime: waitMs,
        minBytes: 1,
        maxBytes: MAX_BYTES,
        topics: [
          {
            topic,
            partitions: [{ partition: this.#leader.partition, fetchOffset: String(offset), maxBytes: MAX_BYTES }],
          },
        ],
      }),
      waitMs + timeoutMs,
    );
    // A batch is sent whole, with what of it was read before.
    return (responses[0]?.partitions[0]?.messages ?? []).filter((message) => Number(message.offset) >= offset);
  }

  place(messages: readonly Message[]): Placed[] {
    return messages.map(({ offset, timestamp, value, isControlRecord, batchContext }) => {
      const record = isControlRecord ? undefined : decode(value);
      if (record !== undefined && batchContext?.timestampType !== LOG_APPEND_TIME) {
        throw unfitSettings(this.#leader.cluster.options.topic, ['message.timestamp.type']);
      }
      const epoch = batchContext?.partitionLeaderEpoch ?? -1;
      return { offset: Number(offset), epoch, appendedAt: Number(timestamp), record };
    });
  }

  async #offset(timestamp: string): Promise<number> {
    const { topic } = this.#leader.cluster.options;
    const { responses } = await this.#leader.cluster.ask(
      this.#broker,
      'a question for offsets',
      this.#broker.listOffsets({ topics: [{ topic, partitions: [{ partition: this.#leader.partition, timestamp }] }] }),
    );
    return Number(responses[0]?.partitions[0]?.offset ?? 0);
  }
}

export function offsetAfter(messages: readonly Message[], otherwise: number): number {
  const last = messages.at(-1);
  return last === undefined ? otherwise : Number(last.offset) + 1;
}
