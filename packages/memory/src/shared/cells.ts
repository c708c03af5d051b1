import { LocksClosedError } from '@holdfast/core/adapter';
import { NO_REGION, spareIndex } from './layout.ts';
import type { Layout } from './layout.ts';

/** A bucket's bytes at one moment, and the word that proves them current. */
export interface Seen {
  readonly word: bigint;
  readonly bytes: Buffer;
}

const REGION_BITS = 16n;
const REGION_MASK = (1n << REGION_BITS) - 1n;
const LENGTH_BYTES = 4;

/**
 * One atomic value of any length per bucket, by copy-on-write.
 *
 * Whoever wants to change a bucket copies it, writes the new value into a spare region that nobody else knows of, and swaps
 * the two with one compare-and-exchange: the spare becomes the bucket's, and what was the bucket's is the new spare. There
 * is nothing to unlock, so a thread may be terminated between any two instructions: the bucket has its old value or its
 * new one, and the dead thread took at most one region with it, its spare.
 */
export class Cells {
  readonly #layout: Layout;
  readonly #place: number;
  #spare: number;

  /** `place` must be the caller's own. */
  constructor(layout: Layout, place: number) {
    this.#layout = layout;
    this.#place = place;
    this.#spare = Atomics.load(layout.places, spareIndex(place));
  }

  /** How many bytes a bucket can have. */
  get capacity(): number {
    return this.#layout.regionBytes - LENGTH_BYTES;
  }

  /** Changes whenever the bucket does. */
  word(bucket: number): bigint {
    return Atomics.load(this.#layout.words, bucket);
  }

  read(bucket: number): Seen {
    for (;;) {
      const word = this.word(bucket);
      const bytes = this.#copy(Number(word & REGION_MASK));
      // Others may have swapped the region out meanwhile and be writing to it: then the copy is torn, and the word has moved on.
      // Adding nothing instead of loading, because a load may be overtaken by the plain reads of the copy before it
      // (Boehm, "Can seqlocks get along with programming language memory models?", MSPC 2012).
      if (Atomics.add(this.#layout.words, bucket, 0n) === word) return { word, bytes };
    }
  }

  /** Whether `bytes` are the bucket's value now; if not, somebody else was first and `seen` is out of date. */
  publish(bucket: number, seen: Seen, bytes: Uint8Array): boolean {
    if (this.#spare === NO_REGION) throw new LocksClosedError();
    this.#fill(this.#spare, bytes);
    const next = (((seen.word >> REGION_BITS) + 1n) << REGION_BITS) | BigInt(this.#spare);
    // A thread that dies between these lines owns neither region for sure: what its place says must not be handed on.
    Atomics.store(this.#layout.places, spareIndex(this.#place), NO_REGION);
    const won = Atomics.compareExchange(this.#layout.words, bucket, seen.word, next) === seen.word;
    if (won) this.#spare = Number(seen.word & REGION_MASK);
    Atomics.store(this.#layout.places, spareIndex(this.#place), this.#spare);
    return won;
  }

  /** No more `publish`: the place and its spare may go to somebody else. */
  close(): void {
    this.#spare = NO_REGION;
  }

  #copy(region: number): Buffer {
    const memory = this.#layout.region(region);
    const length = new DataView(memory.buffer, memory.byteOffset).getUint32(0, true);
    // The length may be torn as well.
    return Buffer.from(memory.subarray(LENGTH_BYTES, LENGTH_BYTES + Math.min(length, this.capacity)));
  }

  #fill(region: number, bytes: Uint8Array): void {
    const memory = this.#layout.region(region);
    new DataView(memory.buffer, memory.byteOffset).setUint32(0, bytes.length, true);
    memory.set(bytes, LENGTH_BYTES);
  }
}
