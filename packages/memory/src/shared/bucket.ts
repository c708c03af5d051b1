/**
 * The bytes of a bucket: a floor for tokens, then a frame per name that has a queue.
 *
 * An event decodes and encodes the frame of its own name and copies the others as they are. Only a new request makes a
 * bucket longer: a full one can still renew, release and grant.
 */
import { nextExpiry } from '@holdfast/core/adapter';
import type { QueueState } from '@holdfast/core/adapter';
import { freshQueue } from '../space.ts';
import { encodeEntry, StoredEntry } from './entry.ts';

const FLOOR_BYTES = 8;
/** Frame length, name length, entries, when it may be dropped, last token, time. */
const FRAME_HEADER_BYTES = 4 + 4 + 4 + 8 + 8 + 8;

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
  const entries: StoredEntry[] = [];
  let at = frame.nameEnd;
  for (let i = 0; i < count; i += 1) {
    const entry = new StoredEntry(bytes, at);
    entries.push(entry);
    at += entry.bytes.length;
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
