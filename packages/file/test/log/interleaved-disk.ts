import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
} from 'node:fs';
import { unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Disk } from '../../src/log/disk.ts';

/** Lets several processes' calls to one real directory go on one at a time, in any order, and lets a process stop for good at any of them. */
export class Interleaving {
  readonly #waiting = new Map<number, () => void>();
  readonly #dead = new Set<number>();
  readonly #asleep = new Map<number, number>();
  readonly #torn = new Set<number>();
  #step = 0;

  get step(): number {
    return this.#step;
  }

  isDead(process: number): boolean {
    return this.#dead.has(process);
  }

  kill(process: number, tornWrite: boolean): void {
    if (tornWrite) this.#torn.add(process);
    else this.#dead.add(process);
  }

  sleep(process: number, steps: number): void {
    this.#asleep.set(process, this.#step + steps);
  }

  /** Lets the process chosen by `choice` do its next call. `false`: nobody can go on. */
  async advance(choice: number): Promise<boolean> {
    // All that needs no call to the disk happens first.
    await new Promise((resolve) => setImmediate(resolve));
    this.#step += 1;
    const alive = [...this.#waiting.keys()].filter((process) => !this.#dead.has(process));
    const awake = alive.filter((process) => (this.#asleep.get(process) ?? 0) < this.#step);
    const ready = awake.length > 0 ? awake : alive;
    const process = ready[choice % ready.length];
    if (process === undefined) return false;
    const go = this.#waiting.get(process);
    this.#waiting.delete(process);
    go?.();
    return true;
  }

  disk(process: number): Disk {
    const turn = (): Promise<void> => new Promise((resolve) => this.#waiting.set(process, resolve));
    return {
      list: async (directory) => {
        await turn();
        const files = readdirSync(directory);
        // What btrfs and tmpfs may do: show the directory as it was when opened, less what has been deleted since.
        await turn();
        return files.filter((file) => existsSync(join(directory, file)));
      },
      makeDirectory: async (path) => {
        await turn();
        mkdirSync(path, { recursive: true });
      },
      open: async (path) => {
        await turn();
        return openSync(path, constants.O_RDWR | constants.O_APPEND);
      },
      close: async (fd) => {
        await turn();
        closeSync(fd);
      },
      append: async (fd, bytes) => {
        await turn();
        if (!this.#torn.has(process)) return writeSync(fd, bytes);
        // Killed in the middle of the write.
        writeSync(fd, bytes, 0, bytes.length - 1 - (this.#step % Math.min(bytes.length - 1, 40)));
        this.#dead.add(process);
        return await new Promise<never>(() => undefined);
      },
      read: async (fd, buffer, offset, position) => {
        await turn();
        return readSync(fd, buffer, offset, buffer.length - offset, position);
      },
      links: (fd) => fstatSync(fd).nlink,
      create: async (path, bytes) => {
        await turn();
        const fd = openSync(path, 'wx');
        await turn();
        writeSync(fd, bytes.subarray(0, 5));
        await turn();
        writeSync(fd, bytes.subarray(5));
        closeSync(fd);
      },
      link: async (from, to) => {
        await turn();
        linkSync(from, to);
      },
      unlink: async (path) => {
        await turn();
        unlinkSync(path);
      },
    };
  }
}
