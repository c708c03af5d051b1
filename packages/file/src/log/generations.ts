/**
 * The files of one partition: `log.1`, `log.2`, … The one with the highest number counts.
 *
 * A generation is sealed before its successor appears, and the highest is never deleted. So an append to any file but the
 * highest comes after a seal and counts for nobody, however long its writer slept; and the highest number never goes down.
 */
import { join } from 'node:path';
import { hasCode } from '../errors.ts';
import type { Disk } from './disk.ts';

export interface OpenGeneration {
  readonly number: number;
  readonly fd: number;
}

const PREFIX = 'log.';
const TEMPORARY = 'new.';

function numbers(files: readonly string[]): number[] {
  return files.filter((file) => /^log\.\d+$/.test(file)).map((file) => Number(file.slice(PREFIX.length)));
}

async function highest(disk: Disk, directory: string): Promise<number> {
  try {
    return Math.max(0, ...numbers(await disk.list(directory)));
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return 0;
    throw error;
  }
}

/** Opens the generation that counts; `undefined` if there is none yet. */
export async function openCurrent(disk: Disk, directory: string): Promise<OpenGeneration | undefined> {
  for (;;) {
    const number = await highest(disk, directory);
    if (number === 0) return undefined;
    let fd: number;
    try {
      fd = await disk.open(join(directory, PREFIX + number));
    } catch (error) {
      // Superseded and deleted since it was listed.
      if (hasCode(error, 'ENOENT')) continue;
      throw error;
    }
    // Between the listing and the opening this process may have slept while the generation was deleted and then put back
    // by another sleeper (see `publish`). Such a file is not sealed and must not be used. If the number is still the highest
    // after the opening, no higher one ever was, so it was never deleted, and the open file is the only one of that name.
    if ((await highest(disk, directory)) === number && disk.links(fd) > 0) return { number, fd };
    await disk.close(fd);
  }
}

/**
 * Makes `log.<number>` with `snapshot` as its first line, unless somebody else has. The file appears complete, or not at all:
 * it is written under another name and gets its own by `link`, which fails if the name is taken.
 *
 * A caller that slept since it read the seal of the generation before may come so late that `number` has been superseded and
 * deleted: then the link succeeds and puts back a file that nobody may use. It stands below the highest, so `openCurrent`
 * does not take it, and the sweep removes it.
 */
export async function publish(
  disk: Disk,
  directory: string,
  number: number,
  snapshot: Buffer,
  id: string,
): Promise<void> {
  await disk.makeDirectory(directory);
  const temporary = join(directory, TEMPORARY + id);
  await disk.create(temporary, snapshot);
  try {
    await disk.link(temporary, join(directory, PREFIX + number));
  } catch (error) {
    // EEXIST: another process was faster. ENOENT: its sweep took the temporary file. The caller looks again in either case.
    if (!hasCode(error, 'EEXIST') && !hasCode(error, 'ENOENT')) throw error;
  } finally {
    await remove(disk, temporary);
  }
  await sweep(disk, directory);
}

/**
 * Deletes what can't count any more. The predecessor of the highest stays: some file systems (btrfs, tmpfs) list a directory as
 * it was when it was opened, less what was deleted since, and must not show it empty when one generation follows another.
 */
async function sweep(disk: Disk, directory: string): Promise<void> {
  const files = await disk.list(directory);
  const last = Math.max(0, ...numbers(files));
  for (const number of numbers(files)) if (number < last - 1) await remove(disk, join(directory, PREFIX + number));
  // What a killed process left, or the work of one that is about to link it: that one looks again and starts anew.
  for (const file of files) if (file.startsWith(TEMPORARY)) await remove(disk, join(directory, file));
}

async function remove(disk: Disk, path: string): Promise<void> {
  try {
    await disk.unlink(path);
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error;
  }
}
