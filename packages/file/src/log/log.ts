import { randomBytes } from 'node:crypto';
import { BackendUnavailableError, ConfigError, monotonicMs } from '@holdfast/core/adapter';
import { hostMs, wallMicros } from '../clock.ts';
import type { Disk } from './disk.ts';
import { Generation } from './generation.ts';
import { openCurrent, publish } from './generations.ts';
import { encode, sessionOf } from './record.ts';
import type { LogRecord, Operation } from './record.ts';
import { encodeSnapshot } from './snapshot.ts';
import { emptyPartition } from './state.ts';
import type { Applied, PartitionState } from './state.ts';

export interface LogOptions {
  readonly directory: string;
  readonly disk: Disk;
  /** Who appends; unique on this host. */
  readonly session: string;
  /** A generation is sealed once it is longer than this and than four snapshots, in bytes. */
  readonly rotateBytes: number;
  /** Identifies this boot of the kernel: the time in a log of another boot means nothing now. */
  readonly boot: string;
  /** `false` unless it is proved that the process of this session, of an earlier boot, no longer runs. */
  readonly isGone: (session: string) => Promise<boolean>;
  /** Every record that counts, in order; `own` if this log appended it. Must not throw. */
  readonly onApplied: (applied: Applied, own: boolean) => void;
  /** The state was read from a snapshot: what led to it was not seen. Must not throw. */
  readonly onRestored: () => void;
}

/** What became of an operation. */
export interface Receipt {
  /** `monotonicMs()` before the record got its time: whatever it proves counts from here. */
  readonly startedAt: number;
  readonly applied: readonly Applied[];
}

/**
 * The log of a partition: `append` an operation, and every process that uses the directory folds it into the same state at the
 * same place. One call at a time; {@link ../partition.ts} gathers what is asked for meanwhile.
 */
export class Log {
  readonly #options: LogOptions;
  #generation: Generation | undefined;
  /** Where tokens go on should all files be lost while this process runs. */
  #token = 0n;
  #count = 0;

  constructor(options: LogOptions) {
    this.#options = options;
  }

  /** As far as it has been read. */
  get state(): PartitionState {
    const generation = this.#generation;
    return generation?.boot === this.#options.boot ? generation.state : emptyPartition();
  }

  /** Appends in one write and reads on to behind it. Resolves with what each did; rejects if not all could be written. */
  async append(operations: readonly Operation[]): Promise<Receipt[]> {
    const receipts = new Map<Operation, Receipt>();
    let rest = operations;
    while (rest.length > 0) {
      const generation = await this.#ready();
      const startedAt = monotonicMs();
      const records = new Map(rest.map((operation) => [this.#stamp(operation), operation] as const));
      const bytes = encode([...records.keys()]);
      const written = await this.#options.disk.append(generation.fd, bytes);
      // Looked at before reading on: a file that was deleted by right was sealed first, and then the reading finds the seal.
      const deleted = this.#options.disk.links(generation.fd) === 0;
      const effects = await this.#read(generation);
      for (const [record, operation] of records) {
        const applied = effects.get(record.id);
        if (applied !== undefined) receipts.set(operation, { startedAt, applied });
      }
      // Records behind a seal count for nobody, so they go to the next generation, with a new time.
      rest = rest.filter((operation) => !receipts.has(operation));
      if (generation.sealed) continue;
      if (written < bytes.length) throw this.#full();
      if (deleted) await this.#abandon();
    }
    return operations.map((operation) => receipts.get(operation) as Receipt);
  }

  /** Reads what others appended. Creates nothing: without a log the state is empty. */
  async refresh(): Promise<void> {
    const generation = this.#generation;
    if (generation === undefined) return await this.#open();
    const deleted = this.#options.disk.links(generation.fd) === 0;
    await this.#read(generation);
    // A sealed generation has a successor, or its state is the last word.
    if (generation.sealed) await this.#open();
    else if (deleted) await this.#abandon();
  }

  /** Seals the generation if it is long, and starts the next. */
  async rotate(): Promise<void> {
    const generation = this.#generation;
    if (generation === undefined || generation.sealed || !generation.isLong(this.#options.rotateBytes)) return;
    await this.#seal(generation);
    await this.#ready();
  }

  async close(): Promise<void> {
    const generation = this.#generation;
    this.#generation = undefined;
    if (generation !== undefined) await this.#options.disk.close(generation.fd);
  }

  /** A generation of this boot that was not sealed when it was last read. */
  async #ready(): Promise<Generation> {
    for (;;) {
      if (this.#generation === undefined) await this.#open();
      const generation = this.#generation;
      if (generation === undefined) await this.#publish(1, emptyPartition(this.#token));
      else if (generation.boot !== this.#options.boot) await this.#takeOver(generation);
      else if (!generation.sealed) return generation;
      // Everybody who folded up to the seal has the same state; whoever links it first, it is the same.
      else await this.#publish(generation.number + 1, generation.state);
      // Never on from one's own number: others may be many generations ahead. `#open` finds the one that counts.
      await this.#open();
    }
  }

  /** All holders of another boot are dead, and its times mean nothing: the queues end here, the tokens go on. */
  async #takeOver(generation: Generation): Promise<void> {
    // Sealed first, so that its state is final: had "another boot" been a mistake, a process that uses this generation would
    // find its next record void, and its entries would be seen below.
    if (!generation.sealed) await this.#seal(generation);
    const entries = [...generation.state.queues.values()].flatMap((queue) => queue.entries);
    for (const session of new Set(entries.map((entry) => sessionOf(entry.owner)))) {
      if (await this.#options.isGone(session)) continue;
      throw new ConfigError(
        `The locks in ${this.#options.directory} are in use by a process that sees another boot id (${session}): a container with a boot id of its own can't share them`,
      );
    }
    await this.#publish(generation.number + 1, emptyPartition(generation.state.token));
  }

  async #seal(generation: Generation): Promise<void> {
    await this.#options.disk.append(generation.fd, encode([this.#stamp({ type: 'seal' })]));
    await this.#read(generation);
    if (!generation.sealed) throw this.#full();
  }

  async #publish(number: number, state: PartitionState): Promise<void> {
    const { disk, directory, boot } = this.#options;
    await publish(disk, directory, number, encodeSnapshot({ boot, state }), randomBytes(12).toString('hex'));
  }

  /** Opens the generation that counts and folds it; leaves things as they are if that one is open already. */
  async #open(): Promise<void> {
    const { disk, directory } = this.#options;
    const found = await openCurrent(disk, directory);
    if (found !== undefined && found.number === this.#generation?.number) return await disk.close(found.fd);
    await this.close();
    if (found === undefined) return;
    try {
      this.#generation = await Generation.load(disk, found);
    } catch (error) {
      await disk.close(found.fd);
      throw error;
    }
    this.#options.onRestored();
  }

  async #read(generation: Generation): Promise<Map<string, readonly Applied[]>> {
    const own = new Map<string, readonly Applied[]>();
    for (const { record, applied } of await generation.read()) {
      const mine = record.id.startsWith(`${this.#options.session}.`);
      if (mine) own.set(record.id, applied);
      for (const each of applied) this.#options.onApplied(each, mine);
    }
    this.#token = generation.state.token;
    return own;
  }

  /** Somebody removed the directory by hand. Who held is told that the lock is gone; the next log starts from nothing. */
  async #abandon(): Promise<void> {
    await this.close();
    this.#options.onRestored();
  }

  #stamp(operation: Operation): LogRecord {
    this.#count += 1;
    return { ...operation, id: `${this.#options.session}.${this.#count}`, time: hostMs(), wallMicros: wallMicros() };
  }

  #full(): BackendUnavailableError {
    return new BackendUnavailableError(`No space left for the log in ${this.#options.directory}`);
  }
}
