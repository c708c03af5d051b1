import { close, constants, fstatSync, open, read, readSync, write, writeSync } from 'node:fs';
import { link, mkdir, readdir, unlink, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';

/**
 * The calls to the kernel of which the log is made, each atomic there. Asynchronous, although a write to the page cache takes
 * only 2 µs: while a disk stalls, a write can hang for seconds, and the deadlines of held locks must fire all the same.
 */
export interface Disk {
  list(directory: string): Promise<string[]>;
  /** With its parents; content if it is there. */
  makeDirectory(path: string): Promise<void>;
  /** For reading and appending; never creates. */
  open(path: string): Promise<number>;
  close(fd: number): Promise<void>;
  /** Appends in one call; the kernel orders the appends to one file. How many bytes it took: fewer when the disk is full. */
  append(fd: number, bytes: Buffer): Promise<number>;
  read(fd: number, buffer: Buffer, offset: number, position: number): Promise<number>;
  /** How many names the open file has; 0 once it was deleted. From the inode in memory, so this one never waits. */
  links(fd: number): number;
  /** Fails with EEXIST if there is such a file. */
  create(path: string, bytes: Buffer): Promise<void>;
  /** Fails with EEXIST if there is a file `to`. */
  link(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
}

const openFile = promisify(open);
const readFile = promisify(read);
const writeBytes = promisify(write);

export const kernelDisk: Disk = {
  list: (directory) => readdir(directory),
  makeDirectory: async (path) => {
    await mkdir(path, { recursive: true, mode: 0o700 });
  },
  open: (path) => openFile(path, constants.O_RDWR | constants.O_APPEND),
  close: promisify(close),
  append: async (fd, bytes) => (await writeBytes(fd, bytes, 0, bytes.length, null)).bytesWritten,
  read: async (fd, buffer, offset, position) =>
    (await readFile(fd, buffer, offset, buffer.length - offset, position)).bytesRead,
  links: (fd) => fstatSync(fd).nlink,
  create: (path, bytes) => writeFile(path, bytes, { flag: 'wx' }),
  link,
  unlink,
};

/** For a file system in memory: nothing there waits for a device, so the trips through the thread pool (60 µs) are saved. */
export const memoryDisk: Disk = {
  ...kernelDisk,
  append: async (fd, bytes) => writeSync(fd, bytes, 0, bytes.length, null),
  read: async (fd, buffer, offset, position) => readSync(fd, buffer, offset, buffer.length - offset, position),
};
