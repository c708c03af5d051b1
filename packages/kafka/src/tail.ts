import { markOf, restore } from './checkpoint.ts';
import type { CheckpointPart } from './checkpoint.ts';
import { emptyPartition } from './fold.ts';
import type { PartitionState } from './fold.ts';
import { isSame } from './mark.ts';
import type { Mark } from './mark.ts';
import type { LockRecord } from './record.ts';

/** A record at its place. */
export interface Placed extends Mark {
  /** `undefined`: foreign, to be skipped. */
  readonly record: LockRecord | undefined;
}

/** What of a log is needed to begin. */
export interface LogEnd {
  /** Offset of the next record, as far as all replicas have it. */
  end(): Promise<number>;
  /** Offset of the first record that is still there. */
  start(): Promise<number>;
  /**
   * All records from `from` up to `to`, not included, and perhaps more. `undefined`: `from` lies before the first that is still there.
   * Rejects if the broker does not give them all: what is skipped unseen may be a lock.
   */
  read(from: number, to: number): Promise<Placed[] | undefined>;
}

export interface Tail {
  /** As of the checkpoint. */
  readonly state: PartitionState;
  /** What follows, to be folded. */
  readonly rest: readonly Placed[];
  /** Offset of the next record after all that. */
  readonly next: number;
  /** The last record that was read; `undefined` if there is none. */
  readonly last: Mark | undefined;
  /** Offset from which on no checkpoint has been found. */
  readonly checkpointAt: number;
  /** How many records were read. */
  readonly read: number;
}

/** Twice as many records as lie between two checkpoints of a partition with few locks. */
const FIRST_STEP = 500;

/**
 * The last complete checkpoint and what follows it. Looks back in growing steps until it has found one, or has all
 * there is: whatever was deleted before the first record held nothing alive (see `retention` in topic.ts).
 */
export async function readTail(log: LogEnd): Promise<Tail> {
  const end = await log.end();
  let read = 0;
  let start = 0;
  for (let step = FIRST_STEP, from = Math.max(0, end - step); ;) {
    const placed = await log.read(from, end);
    if (placed === undefined) {
      start = await log.start();
      // It does not go as far as it did: some of it was taken back.
      if (start <= from) return await readTail(log);
      from = start;
      continue;
    }
    read += placed.length;
    const found = lastCheckpoint(placed);
    // With the record that it goes up to, by which it is known to be of this log, unless just that was deleted.
    if (found !== undefined && (found.at >= from || found.at + 1 === start))
      return { ...begin(found, placed, end), read };
    if (from <= start) return { ...begin(undefined, placed, end), read };
    step *= 4;
    from = Math.max(start, found === undefined ? Math.min(from, end - step) : found.at);
  }
}

interface Found {
  readonly at: number;
  readonly parts: readonly CheckpointPart[];
  readonly partitions: number;
}

function begin(found: Found | undefined, placed: readonly Placed[], end: number): Omit<Tail, 'read'> {
  const checkpointAt = found?.at ?? (placed[0]?.offset ?? end) - 1;
  return {
    state: found === undefined ? emptyPartition() : restore(found.parts, found.partitions),
    rest: placed.filter(({ offset }) => offset > checkpointAt),
    next: Math.max(end, (placed.at(-1)?.offset ?? -1) + 1),
    last: placed.at(-1),
    checkpointAt,
  };
}

/** The one that goes furthest, all parts of which are there, and whose past is that of this log. */
export function lastCheckpoint(placed: readonly Placed[]): Found | undefined {
  const byId = new Map<string, CheckpointPart[]>();
  const first = placed[0]?.offset ?? 0;
  let last: Found | undefined;
  for (const { offset, record } of placed) {
    if (record?.type !== 'checkpoint' || record.at >= offset) continue;
    // Its writer may have folded records that were taken back since.
    const upTo = placed[record.at - first];
    if (record.at >= first && (upTo === undefined || !isSame(upTo, markOf(record)))) continue;
    const parts = byId.get(record.id) ?? [];
    byId.set(record.id, parts);
    if (!parts.some(({ part }) => part === record.part)) parts.push(record);
    if (parts.length !== record.parts) continue;
    if (last === undefined || record.at > last.at) last = { at: record.at, parts, partitions: record.partitions };
  }
  return last;
}
