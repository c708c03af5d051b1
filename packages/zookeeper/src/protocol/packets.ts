const LENGTH_BYTES = 4;

/** Cuts a stream of bytes into packets: each lies behind its length. */
export class Packets {
  #chunks: Buffer[] = [];
  #size = 0;

  /** The packets that `chunk` completes. */
  *push(chunk: Buffer): Generator<Buffer> {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    for (;;) {
      if (this.#size < LENGTH_BYTES) return;
      const length = LENGTH_BYTES + this.#first(LENGTH_BYTES).readInt32BE(0);
      if (this.#size < length) return;
      const bytes = this.#first(length);
      this.#chunks = bytes.length > length ? [bytes.subarray(length), ...this.#chunks.slice(1)] : this.#chunks.slice(1);
      this.#size -= length;
      yield bytes.subarray(LENGTH_BYTES, length);
    }
  }

  /** The first chunk, made at least so long: a large packet is joined once, when it is complete. */
  #first(length: number): Buffer {
    const [first] = this.#chunks;
    if (first !== undefined && first.length >= length) return first;
    const joined = Buffer.concat(this.#chunks);
    this.#chunks = [joined];
    return joined;
  }
}
