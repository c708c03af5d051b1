/**
 * The state of a partition, written into its own log, so that who comes late need not read all of it. It says up to which offset
 * it goes: whoever starts from it folds on with the next record, whatever was appended before the checkpoint itself arrived.
 */
import type { QueueEntry, QueueState } from '@holdfast/core/adapter';
import type { PartitionState } from './fold.ts';
import type { Mark } from './mark.ts';

/** As JSON has it: no bigint, no Infinity. */
interface StoredEntry extends Omit<QueueEntry, 'token' | 'expiresAt'> {
  readonly name: string;
  /** With its expiry, once granted. */
  readonly token?: string | undefined;
  readonly expiresAt?: number | undefined;
}

export interface CheckpointPart {
  /** Offset of the last record that is folded in, and what else of its {@link Mark}. */
  readonly at: number;
  readonly epoch: number;
  readonly appendedAt: number;
  /** Parts of one checkpoint share it: two clients may write one of the same offset. */
  readonly id: string;
  readonly part: number;
  readonly parts: number;
  readonly time: number;
  readonly token: string;
  /** In the order of each queue. */
  readonly entries: readonly StoredEntry[];
}

/** One part stays so far below the broker's limit for a batch (1 MiB by default), in bytes of JSON. */
const PART_SIZE = 200_000;

export function partsOf(state: PartitionState, last: Mark, id: string): CheckpointPart[] {
  const chunks: StoredEntry[][] = [[]];
  let size = 0;
  for (const [name, { entries }] of state.queues) {
    for (const entry of entries) {
      const stored = store(name, entry);
      size += Buffer.byteLength(JSON.stringify(stored));
      if (size > PART_SIZE) {
        chunks.push([]);
        size = 0;
      }
      chunks.at(-1)?.push(stored);
    }
  }
  const { time, token } = state;
  return chunks.map((entries, part) => ({
    at: last.offset,
    epoch: last.epoch,
    appendedAt: last.appendedAt,
    id,
    part,
    parts: chunks.length,
    time,
    token: String(token),
    entries,
  }));
}

export function markOf({ at, epoch, appendedAt }: CheckpointPart): Mark {
  return { offset: at, epoch, appendedAt };
}

/** The state that a complete checkpoint stands for. */
export function restore(parts: readonly CheckpointPart[], partitions: number): PartitionState {
  const [first] = parts;
  if (first === undefined) throw new RangeError('A checkpoint has at least one part');
  const { time } = first;
  const token = BigInt(first.token);
  const queues = new Map<string, QueueState>();
  const names = new Map<string, string>();
  for (const { name, ...stored } of parts.toSorted((a, b) => a.part - b.part).flatMap(({ entries }) => entries)) {
    const queue = queues.get(name) ?? { token, time, entries: [] };
    queues.set(name, queue);
    names.set(stored.owner, name);
    queue.entries.push({
      ...stored,
      token: stored.token === undefined ? undefined : BigInt(stored.token),
      expiresAt: stored.expiresAt ?? Infinity,
    });
  }
  return { time, token, partitions, queues, names };
}

function store(name: string, { token, expiresAt, ...entry }: QueueEntry): StoredEntry {
  return { name, ...entry, ...(token === undefined ? {} : { token: String(token), expiresAt }) };
}
