import { decode, encode, VERSION } from '../src/record.ts';
import type { LockRecord, Operation } from '../src/record.ts';
import { emptyPartition, fold } from '../src/fold.ts';
import type { Change, PartitionState } from '../src/fold.ts';
import type { Mark } from '../src/mark.ts';
import type { LogEnd, Placed } from '../src/tail.ts';

export const PARTITIONS = 16;

/** A partition's log as a broker keeps it. */
export class MemoryLog implements LogEnd {
  #first = 0;
  readonly #values: { readonly value: Buffer; readonly appendedAt: number; readonly epoch: number }[] = [];
  #number = 0;
  #epoch = 0;

  append(
    operation: Operation,
    appendedAt: number,
    session: string = 'session',
  ): { offset: number; record: LockRecord } {
    const record: LockRecord = {
      version: VERSION,
      session,
      number: this.#number++,
      partitions: PARTITIONS,
      ...operation,
    };
    return { offset: this.appendBytes(encode(record), appendedAt).offset, record };
  }

  appendBytes(value: Buffer, appendedAt: number): Mark {
    this.#values.push({ value, appendedAt, epoch: this.#epoch });
    return { offset: this.#values.length - 1, epoch: this.#epoch, appendedAt };
  }

  /** Of the last record; before the first one of an empty log. */
  get last(): Mark {
    const { appendedAt = 0, epoch = -1 } = this.#values.at(-1) ?? {};
    return { offset: this.#values.length - 1, epoch, appendedAt };
  }

  /** By an unclean election: the new leader lacks whatever comes at and behind `offset`. */
  takeBack(offset: number): void {
    this.#values.splice(offset);
    this.#epoch += 1;
  }

  /** By retention. */
  deleteBefore(offset: number): void {
    this.#first = offset;
  }

  end(): Promise<number> {
    return Promise.resolve(this.#values.length);
  }

  start(): Promise<number> {
    return Promise.resolve(this.#first);
  }

  read(from: number, to: number): Promise<Placed[] | undefined> {
    if (from < this.#first) return Promise.resolve(undefined);
    return Promise.resolve(
      this.#values.slice(from, to).map(({ value, appendedAt, epoch }, i) => {
        return { offset: from + i, epoch, appendedAt, record: decode(value) };
      }),
    );
  }
}

export function foldAll(placed: readonly Placed[], state: PartitionState = emptyPartition()): Change[][] {
  return placed.map(({ record, appendedAt }) => (record === undefined ? [] : fold(state, record, appendedAt)));
}

/** All that the future depends on, in a form that can be compared. */
export function canonical({ time, token, queues, names }: PartitionState): unknown {
  const sorted = <V>(map: ReadonlyMap<string, V>): [string, V][] => [...map].sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    time,
    token,
    names: sorted(names),
    queues: sorted(queues).map(([name, { entries }]) => [name, entries.map((entry) => ({ ...entry }))]),
  };
}
