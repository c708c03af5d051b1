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

async function snapshotsOf(partition: Partition, name: string | undefined): Promise<LockSnapshot[]> {
  const done = await partition.refreshed();
  try {
    const names = [...partition.queues.keys()].filter((key) => name === undefined || key === name);
    if (names.length > 0) await partition.append({ type: 'tick', names });
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
