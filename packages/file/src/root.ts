import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { bootId } from './clock.ts';
import { fileError, hasCode } from './errors.ts';
import { prepareRoot } from './filesystem.ts';
import { kernelDisk, memoryDisk } from './log/disk.ts';
import type { Disk } from './log/disk.ts';
import type { ResolvedOptions } from './options.ts';
import { Partition } from './partition.ts';
import { probe } from './session/endpoint.ts';
import { Peers } from './session/peers.ts';
import { Session } from './session/session.ts';

/**
 * All names share this many logs. A log per name would leave two inodes for every name ever used, and deleting it safely is
 * hard; few logs keep no trace of a finished name, need few file descriptors, and renew thousands of locks in a few writes.
 * Part of the format: all processes must agree.
 */
const PARTITIONS = 64;

const ROTATE_BYTES = 64 * 1024;
const inMemory: ReadonlySet<string | undefined> = new Set(['tmpfs', 'ramfs']);

/** The directory of the locks, and this process in it: `logs/<partition>/log.<generation>` and `sessions/<id>`. */
export class Root {
  readonly directory: string;
  readonly session: Session;
  readonly peers: Peers;
  readonly #assumeLocal: boolean;
  readonly #partitions = new Map<string, Partition>();
  #opened: Promise<void> | undefined;
  #boot: string | undefined;
  #disk: Disk = kernelDisk;

  constructor({ directory, assumeLocal }: ResolvedOptions) {
    this.directory = directory;
    this.#assumeLocal = assumeLocal;
    this.session = new Session(this.#sessions);
    this.peers = new Peers({
      session: this.session.id,
      pathOf: (session) => this.session.pathOf(session),
      onWake: (partition) => this.#partitions.get(partition)?.wake(),
    });
  }

  /** Before anything is appended. Tried again by the next request if it fails. */
  async open(): Promise<void> {
    this.#opened ??= this.#open();
    try {
      await this.#opened;
    } catch (error) {
      this.#opened = undefined;
      throw fileError(error, this.directory);
    }
  }

  partitionOf(name: string): Partition {
    const [byte = 0] = createHash('sha256').update(name).digest();
    return this.#partition((byte % PARTITIONS).toString(16).padStart(2, '0'));
  }

  /** Those that were ever used. */
  async partitions(): Promise<Partition[]> {
    try {
      const ids = (await readdir(this.#logs)).filter((id) => /^[0-9a-f]{2}$/.test(id));
      return ids.toSorted().map((id) => this.#partition(id));
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return [];
      throw fileError(error, this.directory);
    }
  }

  async close(): Promise<void> {
    // A failure to open was the request's to report.
    await this.#opened?.then(undefined, () => undefined);
    for (const partition of this.#partitions.values()) await partition.close();
    await this.peers.close();
    await this.session.close();
  }

  get #logs(): string {
    return join(this.directory, 'logs');
  }

  get #sessions(): string {
    return join(this.directory, 'sessions');
  }

  async #open(): Promise<void> {
    const fileSystem = await prepareRoot(this.directory, this.#sessions, this.#assumeLocal);
    if (inMemory.has(fileSystem)) this.#disk = memoryDisk;
    await this.session.open((socket) => this.peers.accept(socket));
  }

  #partition(id: string): Partition {
    const known = this.#partitions.get(id);
    if (known !== undefined) return known;
    this.#boot ??= bootId();
    const partition = new Partition({
      id,
      directory: join(this.#logs, id),
      disk: this.#disk,
      session: this.session.id,
      rotateBytes: ROTATE_BYTES,
      boot: this.#boot,
      peers: this.peers,
      isGone: async (session) => ['refused', 'absent'].includes(await probe(this.session.pathOf(session))),
    });
    this.#partitions.set(id, partition);
    return partition;
  }
}
