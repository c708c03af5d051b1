/**
 * The bytes of a bucket: a floor for tokens, then a frame per name that has a queue.
 *
 * An event decodes and encodes the frame of its own name and copies the others as they are. All numbers have a fixed
 * width, so that only a new request makes a bucket longer: a full one can still renew, release and grant.
 */
import { nextExpiry } from '@holdfast/core/adapter';
import type { QueueEntry, QueueState, RequestMode } from '@holdfast/core/adapter';
import { freshQueue } from '../space.ts';

const FLOOR_BYTES = 8;
/** Frame length, name length, entries, when it may be dropped, last token, time. */
const FRAME_HEADER_BYTES = 4 + 4 + 4 + 8 + 8 + 8;
/** Mode, lengths of owner, client id and host, pid, permits, ttl, since, token, expiry. */
const ENTRY_HEADER_BYTES = 4 + 4 + 4 + 4 + 4 + 8 + 8 + 8 + 8 + 8;
const MODES: readonly RequestMode[] = ['exclusive', 'shared', 'semaphore'];

interface Frame {
  readonly start: number;
  readonly end: number;
  readonly nameEnd: number;
  /** When the last holder's time is up, if nobody waits: then the queue is empty, and only its token matters. */
  readonly emptyAt: number;
  readonly token: bigint;
}

/** A bucket without the queue that an event is about. */
export interface Split {
  readonly queue: QueueState;
  readonly floor: bigint;
  readonly others: readonly Buffer[];
}

/** Takes the queue of `name` out of a bucket, and drops those whose last holder's time is up at `time`. */
export function split(bytes: Buffer, name: string, time: number): Split {
  const wanted = Buffer.from(name);
  let floor = floorOf(bytes);
  let own: Frame | undefined;
  const others: Buffer[] = [];
  for (const frame of frames(bytes)) {
    if (wanted.equals(bytes.subarray(frame.start + FRAME_HEADER_BYTES, frame.nameEnd))) own = frame;
    else if (frame.emptyAt > time) others.push(bytes.subarray(frame.start, frame.end));
    else if (frame.token > floor) floor = frame.token;
  }
  return { queue: own === undefined ? freshQueue(floor) : decodeQueue(bytes, own), floor, others };
}

/** The bucket with `queue` in it, or without it if it is empty. */
export function join(name: string, { queue, floor, others }: Split): Buffer {
  const head = Buffer.allocUnsafe(FLOOR_BYTES);
  const isEmpty = queue.entries.length === 0;
  head.writeBigInt64LE(isEmpty && queue.token > floor ? queue.token : floor);
  return Buffer.concat(isEmpty ? [head, ...others] : [head, ...others, encodeQueue(name, queue)]);
}

/** The queues of a bucket whose names are wanted. */
export function queuesOf(bytes: Buffer, wanted: (name: string) => boolean): [string, QueueState][] {
  const queues: [string, QueueState][] = [];
  for (const frame of frames(bytes)) {
    const name = bytes.toString('utf8', frame.start + FRAME_HEADER_BYTES, frame.nameEnd);
    if (wanted(name)) queues.push([name, decodeQueue(bytes, frame)]);
  }
  return queues;
}

function floorOf(bytes: Buffer): bigint {
  return bytes.length === 0 ? 0n : bytes.readBigInt64LE(0);
}

function* frames(bytes: Buffer): Generator<Frame> {
  let start = FLOOR_BYTES;
  while (start < bytes.length) {
    const end = start + bytes.readUInt32LE(start);
    const nameEnd = start + FRAME_HEADER_BYTES + bytes.readUInt32LE(start + 4);
    yield { start, end, nameEnd, emptyAt: bytes.readDoubleLE(start + 12), token: bytes.readBigInt64LE(start + 20) };
    start = end;
  }
}

function decodeQueue(bytes: Buffer, frame: Frame): QueueState {
  const count = bytes.readUInt32LE(frame.start + 8);
  const entries: QueueEntry[] = [];
  let at = frame.nameEnd;
  for (let i = 0; i < count; i += 1) {
    const ownerAt = at + ENTRY_HEADER_BYTES;
    const idAt = ownerAt + bytes.readUInt32LE(at + 4);
    const hostAt = idAt + bytes.readUInt32LE(at + 8);
    const end = hostAt + bytes.readUInt32LE(at + 12);
    const permits = bytes.readDoubleLE(at + 20);
    const token = bytes.readBigInt64LE(at + 44);
    entries.push({
      owner: bytes.toString('utf8', ownerAt, idAt),
      mode: MODES[bytes.readUInt32LE(at)] ?? 'exclusive',
      permits: permits === 0 ? undefined : permits,
      ttlMs: bytes.readDoubleLE(at + 28),
      client: {
        id: bytes.toString('utf8', idAt, hostAt),
        host: bytes.toString('utf8', hostAt, end),
        pid: bytes.readUInt32LE(at + 16),
      },
      since: bytes.readDoubleLE(at + 36),
      token: token === 0n ? undefined : token,
      expiresAt: bytes.readDoubleLE(at + 52),
    });
    at = end;
  }
  return { token: frame.token, time: bytes.readDoubleLE(frame.start + 28), entries };
}

function encodeQueue(name: string, queue: QueueState): Buffer {
  const entries = queue.entries.map(encodeEntry);
  const nameBytes = Buffer.from(name);
  const head = Buffer.allocUnsafe(FRAME_HEADER_BYTES);
  const length = entries.reduce((sum, entry) => sum + entry.length, FRAME_HEADER_BYTES + nameBytes.length);
  head.writeUInt32LE(length, 0);
  head.writeUInt32LE(nameBytes.length, 4);
  head.writeUInt32LE(entries.length, 8);
  head.writeDoubleLE(lastExpiry(queue), 12);
  head.writeBigInt64LE(queue.token, 20);
  head.writeDoubleLE(queue.time, 28);
  return Buffer.concat([head, nameBytes, ...entries], length);
}

/** Waiters have no expiry, so a queue with one is never empty by time alone. */
function lastExpiry(queue: QueueState): number {
  let last = nextExpiry(queue);
  for (const { expiresAt } of queue.entries) if (expiresAt > last) last = expiresAt;
  return last;
}

function encodeEntry(entry: QueueEntry): Buffer {
  const { owner, client } = entry;
  const ownerLength = Buffer.byteLength(owner);
  const idLength = Buffer.byteLength(client.id);
  const hostLength = Buffer.byteLength(client.host);
  const bytes = Buffer.allocUnsafe(ENTRY_HEADER_BYTES + ownerLength + idLength + hostLength);
  bytes.writeUInt32LE(MODES.indexOf(entry.mode), 0);
  bytes.writeUInt32LE(ownerLength, 4);
  bytes.writeUInt32LE(idLength, 8);
  bytes.writeUInt32LE(hostLength, 12);
  bytes.writeUInt32LE(client.pid, 16);
  bytes.writeDoubleLE(entry.permits ?? 0, 20);
  bytes.writeDoubleLE(entry.ttlMs, 28);
  bytes.writeDoubleLE(entry.since, 36);
  bytes.writeBigInt64LE(entry.token ?? 0n, 44);
  bytes.writeDoubleLE(entry.expiresAt, 52);
  bytes.write(owner, ENTRY_HEADER_BYTES);
  bytes.write(client.id, ENTRY_HEADER_BYTES + ownerLength);
  bytes.write(client.host, ENTRY_HEADER_BYTES + ownerLength + idLength);
  return bytes;
}
