import { restore } from './checkpoint.ts';
import type { CheckpointPart } from './checkpoint.ts';
import { emptyPartition } from './fold.ts';
import type { PartitionState } from './fold.ts';
import type { LockRecord } from './record.ts';

/** A record of ours at its place. */
export interface Placed {
  readonly offset: number;
  /** The broker's time, in ms. */
  readonly appendedAt: number;
  /** `undefined`: foreign, to be skipped. */
  readonly record: LockRecord | undefined;
}

/** What of a log is needed to begin. */
export interface LogEnd {
  /** Offset of the next record, as far as all replicas have it. */
  end(): Promise<number>;
  /** Offset of the first record that is still there. */
  start(): Promise<number>;
  /** All records from `from` up to `to`, not included. `undefined`: `from` lies before the first that is still there. */
  read(from: number, to: number): Promise<Placed[] | undefined>;
}

export interface Tail {
  /** As of the checkpoint. */
  readonly state: PartitionState;
  /** What follows, to be folded. */
  readonly rest: readonly Placed[];
  /** Offset of the next record after all that. */
  readonly next: number;
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
    let placed = await log.read(from, end);
    if (placed === undefined) {
      start = await log.start();
      from = Math.max(from, start);
      placed = (await log.read(from, end)) ?? [];
    }
    read += placed.length;
    const found = lastCheckpoint(placed);
    if (found !== undefined && found.at + 1 >= from) return { ...begin(found, placed, end), read };
    if (from <= start) return { ...begin(undefined, placed, end), read };
    step *= 4;
    from = found === undefined ? Math.max(start, end - step) : Math.max(start, found.at + 1);
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
    checkpointAt,
  };
}

/** The one that goes furthest, all parts of which are there. */
export function lastCheckpoint(placed: readonly Placed[]): Found | undefined {
  const byId = new Map<string, CheckpointPart[]>();
  let last: Found | undefined;
  for (const { record } of placed) {
    if (record?.type !== 'checkpoint') continue;
    const parts = byId.get(record.id) ?? [];
    byId.set(record.id, parts);
    if (!parts.some(({ part }) => part === record.part)) parts.push(record);
    if (parts.length !== record.parts) continue;
    if (last === undefined || record.at > last.at) last = { at: record.at, parts, partitions: record.partitions };
  }
  return last;
}
