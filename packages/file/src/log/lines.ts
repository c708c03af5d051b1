import type { Disk } from './disk.ts';

const CHUNK = 16 * 1024;

/** Reads a growing file line by line, from where it last stopped. */
export class Lines {
  readonly #disk: Disk;
  readonly #fd: number;
  #buffer: Buffer = Buffer.allocUnsafe(CHUNK);
  /** Bytes at the front of the buffer that are no complete line yet: a write may be under way, or its writer is dead. */
  #pending = 0;
  #position = 0;

  constructor(disk: Disk, fd: number) {
    this.#disk = disk;
    this.#fd = fd;
  }

  /** How much of the file has been read, in bytes. */
  get size(): number {
    return this.#position;
  }

  /** All complete lines up to the end that the file had when this was called, at least. */
  async read(): Promise<string[]> {
    const lines: string[] = [];
    for (;;) {
      if (this.#pending === this.#buffer.length) {
        this.#buffer = Buffer.concat([this.#buffer], this.#buffer.length * 2);
      }
      const count = await this.#disk.read(this.#fd, this.#buffer, this.#pending, this.#position);
      this.#position += count;
      const end = this.#pending + count;
      const complete = this.#buffer.subarray(0, end).lastIndexOf(0x0a) + 1;
      if (complete > 0) lines.push(...this.#buffer.toString('utf8', 0, complete - 1).split('\n'));
      this.#buffer.copyWithin(0, complete, end);
      this.#pending = end - complete;
      // Fewer bytes than asked for: the end of the file.
      if (end < this.#buffer.length) return lines;
    }
  }
}
