import { randomBytes } from 'node:crypto';
import { BackendUnavailableError, ConfigError, monotonicMs } from '@holdfast/core/adapter';
import { hostMs, wallMicros } from '../clock.ts';
import type { Disk } from './disk.ts';
import { openCurrent, publish } from './generations.ts';
import type { OpenGeneration } from './generations.ts';
import { Lines } from './lines.ts';
import { decode, encode, sessionOf } from './record.ts';
import type { LogRecord, Operation } from './record.ts';
import { decodeSnapshot, encodeSnapshot } from './snapshot.ts';
import type { Snapshot } from './snapshot.ts';
import { emptyPartition, fold } from './state.ts';
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

interface Current extends OpenGeneration {
  readonly lines: Lines;
  readonly boot: string | undefined;
  readonly rotateAt: number;
  sealed: boolean;
}

/**
 * The log of a partition: `append` an operation, and every process that uses the directory folds it into the same state at the
 * same place. One call at a time works on the file; {@link ../partition.ts} gathers what is asked for meanwhile.
 */
export class Log {
  readonly #options: LogOptions;
  #state: PartitionState = emptyPartition();
  #current: Current | undefined;
  #count = 0;

  constructor(options: LogOptions) {
    this.#options = options;
  }

  /** As far as it has been read. */
  get state(): PartitionState {
    return this.#current === undefined || this.#current.boot === this.#options.boot ? this.#state : emptyPartition();
  }

  /** Appends in one write and reads on to behind it. Resolves with what each did; rejects if not all could be written. */
  async append(operations: readonly Operation[]): Promise<Receipt[]> {
    const receipts = new Map<Operation, Receipt>();
    let rest = operations;
    while (rest.length > 0) {
      const current = await this.#ready();
      const startedAt = monotonicMs();
      const records = new Map(rest.map((operation) => [this.#stamp(operation), operation] as const));
      const bytes = encode([...records.keys()]);
      const written = await this.#options.disk.append(current.fd, bytes);
      // Looked at before reading on: a file that was deleted by right was sealed first, and then the reading finds the seal.
      const deleted = this.#options.disk.links(current.fd) === 0;
      const applied = await this.#read(current);
      for (const [record, operation] of records) {
        const effect = applied.get(record.id);
        if (effect !== undefined) receipts.set(operation, { startedAt, applied: effect });
      }
      // Records behind a seal count for nobody, so they go to the next generation, with a new time.
      rest = rest.filter((operation) => !receipts.has(operation));
      if (current.sealed) continue;
      if (written < bytes.length)
        throw new BackendUnavailableError(`No space left for the log in ${this.#options.directory}`);
      if (deleted) await this.#abandon();
    }
    return operations.map((operation) => receipts.get(operation) as Receipt);
  }

  /** Reads what others appended. Creates nothing: without a log the state is empty. */
  async refresh(): Promise<void> {
    if (this.#current === undefined) return this.#open();
    const deleted = this.#options.disk.links(this.#current.fd) === 0;
    await this.#read(this.#current);
    // A sealed generation has a successor, or its state is the last word.
    if (this.#current.sealed) await this.#open();
    else if (deleted) await this.#abandon();
  }

  /** Seals the generation if it is long, and starts the next. */
  async rotate(): Promise<void> {
    if (this.#current === undefined || this.#current.sealed || this.#current.lines.size < this.#current.rotateAt)
      return;
    await this.#seal(this.#current);
    await this.#ready();
  }

  async close(): Promise<void> {
    const current = this.#current;
    this.#current = undefined;
    if (current !== undefined) await this.#options.disk.close(current.fd);
  }

  /** A generation of this boot that was not sealed when it was last read. */
  async #ready(): Promise<Current> {
    for (;;) {
      if (this.#current === undefined) await this.#open();
      const current = this.#current;
      if (current === undefined) await this.#publish(1, emptyPartition(this.#state.token));
      else if (current.boot !== this.#options.boot) await this.#takeOver(current);
      else if (!current.sealed) return current;
      // Everybody who folded up to the seal has the same state; whoever links it first, it is the same.
      else await this.#publish(current.number + 1, this.#state);
      // Never on from one's own number: others may be many generations ahead. `#open` finds the one that counts.
      if (current === undefined || current.sealed) await this.#open();
    }
  }

  /** All holders of another boot are dead, and its times mean nothing: the queues end here, the tokens go on. */
  async #takeOver(current: Current): Promise<void> {
    // Sealed first, so that its state is final: had "another boot" been a mistake, a process that uses this generation would
    // find its next record void, and its entries would be seen below.
    if (!current.sealed) await this.#seal(current);
    const sessions = new Set<string>();
    for (const queue of this.#state.queues.values())
      for (const entry of queue.entries) sessions.add(sessionOf(entry.owner));
    for (const session of sessions) {
      if (await this.#options.isGone(session)) continue;
      throw new ConfigError(
        `The locks in ${this.#options.directory} are in use by a process that sees another boot id (${session}): a container with a boot id of its own can't share them`,
      );
    }
    await this.#publish(current.number + 1, emptyPartition(this.#state.token));
  }

  async #seal(current: Current): Promise<void> {
    const record = this.#stamp({ type: 'seal' });
    await this.#options.disk.append(current.fd, encode([record]));
    await this.#read(current);
    if (!current.sealed) throw new BackendUnavailableError(`No space left for the log in ${this.#options.directory}`);
  }

  async #publish(number: number, state: PartitionState): Promise<void> {
    const { disk, directory, boot } = this.#options;
    await publish(disk, directory, number, encodeSnapshot({ boot, state }), randomBytes(12).toString('hex'));
  }

  /** Opens the generation that counts and folds it; leaves `#current` as it is if that is still the one. */
  async #open(): Promise<void> {
    const found = await openCurrent(this.#options.disk, this.#options.directory);
    if (found?.number === this.#current?.number) {
      if (found !== undefined) await this.#options.disk.close(found.fd);
      return;
    }
    await this.close();
    if (found === undefined) return;
    try {
      await this.#load(found);
    } catch (error) {
      this.#current = undefined;
      await this.#options.disk.close(found.fd);
      throw error;
    }
  }

  async #load(found: OpenGeneration): Promise<void> {
    const lines = new Lines(this.#options.disk, found.fd);
    const [first = '', ...rest] = await lines.read();
    const snapshot: Snapshot | undefined = decodeSnapshot(first);
    this.#current = {
      ...found,
      lines,
      boot: snapshot?.boot,
      rotateAt: Math.max(this.#options.rotateBytes, 4 * Buffer.byteLength(first)),
      sealed: false,
    };
    this.#state = snapshot?.state ?? emptyPartition();
    for (const line of rest) this.#apply(this.#current, line);
    this.#options.onRestored();
  }

  async #read(current: Current): Promise<Map<string, Applied[]>> {
    const own = new Map<string, Applied[]>();
    for (const line of await current.lines.read()) {
      const result = this.#apply(current, line);
      if (result === undefined) continue;
      const mine = result.record.id.startsWith(`${this.#options.session}.`);
      if (mine) own.set(result.record.id, result.applied);
      for (const applied of result.applied) this.#options.onApplied(applied, mine);
    }
    return own;
  }

  #apply(current: Current, line: string): { record: LogRecord; applied: Applied[] } | undefined {
    const record = current.sealed ? undefined : decode(line);
    if (record === undefined) return undefined;
    if (record.type === 'seal') current.sealed = true;
    return { record, applied: fold(this.#state, record) };
  }

  /** Somebody removed the directory by hand. Who held is told that the lock is gone; the next log starts from nothing. */
  async #abandon(): Promise<void> {
    await this.close();
    this.#state = emptyPartition(this.#state.token);
    this.#options.onRestored();
  }

  #stamp(operation: Operation): LogRecord {
    this.#count += 1;
    return { ...operation, id: `${this.#options.session}.${this.#count}`, time: hostMs(), wallMicros: wallMicros() };
  }
}
