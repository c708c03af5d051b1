import { appendFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { kernelDisk } from '../../src/log/disk.ts';
import type { Disk } from '../../src/log/disk.ts';
import { openCurrent, publish } from '../../src/log/generations.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'holdfast-generations-'));
});
afterEach(() => rm(directory, { recursive: true }));

const put = (number: number, text: string, disk: Disk = kernelDisk): Promise<void> =>
  publish(disk, directory, number, Buffer.from(`${text}\n`), `test-${number}-${text}`);

async function current(disk: Disk = kernelDisk): Promise<string | undefined> {
  const found = await openCurrent(disk, directory);
  if (found === undefined) return undefined;
  const buffer = Buffer.alloc(100);
  const length = await kernelDisk.read(found.fd, buffer, 0, 0);
  await kernelDisk.close(found.fd);
  return `${found.number}: ${buffer.toString('utf8', 0, length).trim()}`;
}

/** A disk on which something happens while the process sleeps right before a call. */
function sleepingBefore(call: 'open' | 'link', meanwhile: () => Promise<void>): Disk {
  let slept = false;
  const sleep = async (): Promise<void> => {
    if (slept) return;
    slept = true;
    await meanwhile();
  };
  return {
    ...kernelDisk,
    open: async (path) => {
      if (call === 'open') await sleep();
      return await kernelDisk.open(path);
    },
    link: async (from, to) => {
      if (call === 'link') await sleep();
      await kernelDisk.link(from, to);
    },
  };
}

test('of several generations the highest counts', async () => {
  expect(await current()).toBeUndefined();
  for (const number of [1, 2, 10]) await put(number, 'first');
  expect(await current()).toBe('10: first');
});

test('of two who make the same generation the first one counts', async () => {
  await put(1, 'first');
  await put(1, 'second');
  expect(await current()).toBe('1: first');
  expect(await readdir(directory)).toEqual(['log.1']);
});

test('a generation that was deleted after it was listed is not missed: its successor is opened', async () => {
  await put(1, 'first');
  const disk = sleepingBefore('open', async () => {
    for (const number of [2, 3]) await put(number, 'later');
  });
  expect(await current(disk)).toBe('3: later');
});

test('a file that a sleeper put back under an old number is not used, even by another who listed the old number', async () => {
  await put(1, 'first');
  const disk = sleepingBefore('open', async () => {
    for (const number of [2, 3]) await put(number, 'later');
    // By a process that computed generation 1 long ago and was killed right after its link.
    await writeFile(join(directory, 'log.1'), 'put back\n');
  });
  expect(await current(disk)).toBe('3: later');
});

test('a sleeper that links an old number changes nothing, and its file does not stay', async () => {
  const disk = sleepingBefore('link', async () => {
    for (const number of [1, 2, 3]) await put(number, 'others');
  });
  await put(1, 'sleeper', disk);
  expect(await current()).toBe('3: others');
  expect((await readdir(directory)).toSorted()).toEqual(['log.2', 'log.3']);
});

test('one whose temporary file was swept away looks again', async () => {
  const disk = sleepingBefore('link', () => put(1, 'others'));
  await put(2, 'sleeper', disk);
  expect(await current()).toBe('1: others');
});

test('a listing that misses the newest generation is never empty, because its predecessor stays', async () => {
  await put(1, 'first');
  await put(2, 'second');
  const before = await readdir(directory);
  await put(3, 'third');
  const stillThere = await readdir(directory);
  expect(before.filter((name) => stillThere.includes(name))).not.toEqual([]);
});

test('the file system shows a generation complete or not at all', async () => {
  const disk: Disk = {
    ...kernelDisk,
    create: async (path, bytes) => {
      await writeFile(path, bytes.subarray(0, 3), { flag: 'wx' });
      expect(await current()).toBeUndefined();
      await appendFile(path, bytes.subarray(3));
    },
  };
  await put(1, 'complete', disk);
  expect(await readFile(join(directory, 'log.1'), 'utf8')).toBe('complete\n');
});
