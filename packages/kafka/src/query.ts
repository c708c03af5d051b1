import { snapshot } from '@holdfast/core/adapter';
import type { LockSnapshot } from '@holdfast/core/adapter';
import { unavailable } from './errors.ts';
import type { Partition } from './partition.ts';

/** Reads to the end of the log, and says in it that time has passed where somebody holds: a log has no time of its own. */
export async function query(partitions: readonly Partition[], name: string | undefined): Promise<LockSnapshot> {
  const snapshots = await Promise.all(partitions.map((partition) => snapshotsOf(partition, name)));
  return {
    held: snapshots.flat().flatMap(({ held }) => held),
    pending: snapshots.flat().flatMap(({ pending }) => pending),
  };
}

/** Names of one record: of 1024 bytes at most each, and no more than a record may have. */
const CHUNK = 100;

function chunksOf(names: readonly string[]): string[][] {
  return Array.from({ length: Math.ceil(names.length / CHUNK) }, (_, i) => names.slice(i * CHUNK, (i + 1) * CHUNK));
}

async function snapshotsOf(partition: Partition, name: string | undefined): Promise<LockSnapshot[]> {
  const done = await partition.refreshed();
  try {
    const names = [...partition.queues.keys()].filter((key) => name === undefined || key === name);
    await Promise.all(chunksOf(names).map((chunk) => partition.append({ type: 'tick', names: chunk })));
    return names.flatMap((key) => {
      const queue = partition.queues.get(key);
      return queue === undefined ? [] : [snapshot(key, queue)];
    });
  } catch (error) {
    throw unavailable(error);
  } finally {
    done();
  }
}
