/**
 * The shared memory of a space, in this order:
 *
 * - header: what the space was made with
 * - a word per bucket: which region has the bucket's current snapshot, and a version that never repeats
 * - a place per attached backend: who has it, its spare region, its mail
 * - the regions: one per bucket and one spare per place
 */
import { types } from 'node:util';
import { z } from 'zod';
import { parseOptions } from '@holdfast/core/adapter';

/** A space that threads share: hand it to a worker as `workerData` or in a message, and there to `memory({ space })`. */
export interface MemorySpace {
  readonly buffer: SharedArrayBuffer;
}

export interface MemorySpaceOptions {
  /** Makes the space known to threads created later from this one as `memory:name?shared=true`. */
  readonly name?: string | undefined;
  /**
   * Room for the queues of one of the {@link BUCKETS} buckets that names are spread over, in bytes; default 256 KiB, some 1500
   * requests. Memory is taken only as it is used.
   */
  readonly bucketBytes?: number | undefined;
  /** How many backends may be open on the space at a time, over all threads; default 128. */
  readonly backends?: number | undefined;
}

/** One bit each in a mail word. */
export const BUCKETS = 32;
const MAGIC = 0x686f6c64;
const HEADER_BYTES = 64;
const WORDS_BYTES = BUCKETS * 8;
/** Each place has a cache line of its own, so that mail for one thread does not slow another. */
const PLACE_BYTES = 64;

const schema = z.strictObject({
  name: z.string().optional(),
  bucketBytes: z
    .int()
    .min(4096)
    .max(2 ** 28)
    .default(256 * 1024),
  backends: z.int().min(1).max(4096).default(128),
});

/** Throws `ConfigError` for a bad option. */
export function makeSpace(options: MemorySpaceOptions): MemorySpace {
  const { bucketBytes, backends } = parseOptions('memory', schema, options);
  // Regions begin at multiples of 8 bytes.
  const regionBytes = Math.ceil(bucketBytes / 8) * 8;
  const buffer = new SharedArrayBuffer(regionsOffset(backends) + (BUCKETS + backends) * regionBytes);
  new Int32Array(buffer).set([MAGIC, regionBytes, backends]);
  const layout = new Layout({ buffer });
  for (let bucket = 0; bucket < BUCKETS; bucket += 1) layout.words[bucket] = BigInt(bucket);
  for (let place = 0; place < backends; place += 1) layout.places[spareIndex(place)] = BUCKETS + place;
  return { buffer };
}

export function isMemorySpace(value: unknown): value is MemorySpace {
  if (typeof value !== 'object' || value === null || !('buffer' in value)) return false;
  const { buffer } = value;
  return (
    types.isSharedArrayBuffer(buffer) && buffer.byteLength > HEADER_BYTES && new Int32Array(buffer, 0, 1)[0] === MAGIC
  );
}

/** Views on a space's memory. */
export class Layout {
  readonly backends: number;
  readonly regionBytes: number;
  readonly words: BigInt64Array;
  /** Indexed by {@link threadIndex}, {@link spareIndex} and {@link mailIndex}. */
  readonly places: Int32Array;
  readonly #buffer: SharedArrayBuffer;

  constructor({ buffer }: MemorySpace) {
    const [, regionBytes = 0, backends = 0] = new Int32Array(buffer, 0, 3);
    this.#buffer = buffer;
    this.backends = backends;
    this.regionBytes = regionBytes;
    this.words = new BigInt64Array(buffer, HEADER_BYTES, BUCKETS);
    this.places = new Int32Array(buffer, HEADER_BYTES + WORDS_BYTES, (backends * PLACE_BYTES) / 4);
  }

  region(index: number): Uint8Array {
    return new Uint8Array(this.#buffer, regionsOffset(this.backends) + index * this.regionBytes, this.regionBytes);
  }
}

function regionsOffset(backends: number): number {
  return HEADER_BYTES + WORDS_BYTES + backends * PLACE_BYTES;
}

/** The thread that has the place: its `threadId` + 1; 0 while free. */
export function threadIndex(place: number): number {
  return (place * PLACE_BYTES) / 4;
}

/** The region that belongs to the place; {@link NO_REGION} at the moment of an exchange. */
export function spareIndex(place: number): number {
  return threadIndex(place) + 1;
}

/** One bit per bucket in which something changed for the place's backend. */
export function mailIndex(place: number): number {
  return threadIndex(place) + 2;
}

export const NO_REGION = -1;
