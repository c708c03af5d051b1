import type { Disk } from './disk.ts';
import type { OpenGeneration } from './generations.ts';
import { Lines } from './lines.ts';
import { decode } from './record.ts';
import type { LogRecord } from './record.ts';
import { decodeSnapshot } from './snapshot.ts';
import { emptyPartition, fold } from './state.ts';
import type { Applied, PartitionState } from './state.ts';

/** A record that counts, and what it did. */
export interface Folded {
  readonly record: LogRecord;
  readonly applied: readonly Applied[];
}

/** An open file of a partition and the state that its lines add up to, as far as they were read. */
export class Generation {
  readonly number: number;
  readonly fd: number;
  /** `undefined`: a power cut took the first line. */
  readonly boot: string | undefined;
  readonly state: PartitionState;
  readonly #lines: Lines;
  readonly #snapshotBytes: number;
  #sealed = false;

  private constructor({ number, fd }: OpenGeneration, lines: Lines, first: string) {
    const snapshot = decodeSnapshot(first);
    this.number = number;
    this.fd = fd;
    this.boot = snapshot?.boot;
    this.state = snapshot?.state ?? emptyPartition();
    this.#lines = lines;
    this.#snapshotBytes = Buffer.byteLength(first);
  }

  static async load(disk: Disk, opened: OpenGeneration): Promise<Generation> {
    const lines = new Lines(disk, opened.fd);
    const [first = '', ...rest] = await lines.read();
    const generation = new Generation(opened, lines, first);
    generation.#fold(rest);
    return generation;
  }

  /** Nothing that is appended from here on counts. */
  get sealed(): boolean {
    return this.#sealed;
  }

  /** Whether it is longer than `bytes` and than four snapshots. */
  isLong(bytes: number): boolean {
    return this.#lines.size > Math.max(bytes, 4 * this.#snapshotBytes);
  }

  /** On to the end that the file had when this was called, at least. What counts of it, in order. */
  async read(): Promise<Folded[]> {
    return this.#fold(await this.#lines.read());
  }

  #fold(lines: readonly string[]): Folded[] {
    const folded: Folded[] = [];
    for (const line of lines) {
      if (this.#sealed) break;
      const record = decode(line);
      if (record === undefined) continue;
      folded.push({ record, applied: fold(this.state, record) });
      this.#sealed = record.type === 'seal';
    }
    return folded;
  }
}
