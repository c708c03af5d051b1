import type { ClientInfo, QueueEntry, RequestMode } from '@holdfast/core/adapter';

/** Byte offsets of an entry's fields. All numbers have a fixed width, so that a grant or a renewal never makes it longer. */
const BYTES = 0;
const MODE = 4;
const OWNER_BYTES = 8;
const ID_BYTES = 12;
const HOST_BYTES = 16;
const PID = 20;
const PERMITS = 24;
const TTL = 32;
const SINCE = 40;
const TOKEN = 48;
const EXPIRES = 56;
const STRINGS = 64;

const MODES: readonly RequestMode[] = ['exclusive', 'shared', 'semaphore'];

/** An entry that lies in a copy of its bucket: what an event does not look at is never decoded, and not encoded again. */
export class StoredEntry implements QueueEntry {
  /** All of the entry. */
  readonly bytes: Buffer;
  #owner: string | undefined;

  /** The entry that begins at `at`. */
  constructor(bucket: Buffer, at: number) {
    this.bytes = bucket.subarray(at, at + bucket.readUInt32LE(at + BYTES));
  }

  get owner(): string {
    return (this.#owner ??= this.bytes.toString('utf8', STRINGS, this.#idAt));
  }

  get mode(): RequestMode {
    return MODES[this.bytes.readUInt32LE(MODE)] as RequestMode;
  }

  get permits(): number | undefined {
    const permits = this.bytes.readDoubleLE(PERMITS);
    return permits === 0 ? undefined : permits;
  }

  get ttlMs(): number {
    return this.bytes.readDoubleLE(TTL);
  }

  get client(): ClientInfo {
    const hostAt = this.#idAt + this.bytes.readUInt32LE(ID_BYTES);
    return {
      id: this.bytes.toString('utf8', this.#idAt, hostAt),
      host: this.bytes.toString('utf8', hostAt),
      pid: this.bytes.readUInt32LE(PID),
    };
  }

  get since(): number {
    return this.bytes.readDoubleLE(SINCE);
  }

  set since(since: number) {
    this.bytes.writeDoubleLE(since, SINCE);
  }

  get token(): bigint | undefined {
    const token = this.bytes.readBigInt64LE(TOKEN);
    return token === 0n ? undefined : token;
  }

  set token(token: bigint | undefined) {
    this.bytes.writeBigInt64LE(token ?? 0n, TOKEN);
  }

  get expiresAt(): number {
    return this.bytes.readDoubleLE(EXPIRES);
  }

  set expiresAt(expiresAt: number) {
    this.bytes.writeDoubleLE(expiresAt, EXPIRES);
  }

  get #idAt(): number {
    return STRINGS + this.bytes.readUInt32LE(OWNER_BYTES);
  }
}

/** The bytes of an entry, whether it came out of a bucket or is new. */
export function encodeEntry(entry: QueueEntry): Buffer {
  if (entry instanceof StoredEntry) return entry.bytes;
  const owner = Buffer.from(entry.owner);
  const id = Buffer.from(entry.client.id);
  const host = Buffer.from(entry.client.host);
  const numbers = Buffer.alloc(STRINGS);
  numbers.writeUInt32LE(STRINGS + owner.length + id.length + host.length, BYTES);
  numbers.writeUInt32LE(MODES.indexOf(entry.mode), MODE);
  numbers.writeUInt32LE(owner.length, OWNER_BYTES);
  numbers.writeUInt32LE(id.length, ID_BYTES);
  numbers.writeUInt32LE(host.length, HOST_BYTES);
  numbers.writeUInt32LE(entry.client.pid, PID);
  numbers.writeDoubleLE(entry.permits ?? 0, PERMITS);
  numbers.writeDoubleLE(entry.ttlMs, TTL);
  numbers.writeDoubleLE(entry.since, SINCE);
  numbers.writeBigInt64LE(entry.token ?? 0n, TOKEN);
  numbers.writeDoubleLE(entry.expiresAt, EXPIRES);
  return Buffer.concat([numbers, owner, id, host]);
}
