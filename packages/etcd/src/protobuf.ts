/** The wire format of protobuf, as far as etcd's transactions need it: https://protobuf.dev/programming-guides/encoding/ */

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

/**
 * Writes a message from its end to its beginning: the length of a part stands before it, and is known when the part is there.
 * So fields are given last first. A new one for each message.
 */
export class Writer {
  #buffer = Buffer.allocUnsafe(1024);
  #at = this.#buffer.length;

  /** What is written from here on, up to {@link close}, becomes one part. */
  open(): number {
    return this.#buffer.length - this.#at;
  }

  close(field: number, opened: number): void {
    this.#varint(this.#buffer.length - this.#at - opened);
    this.#varint(field * 8 + BYTES);
  }

  bytes(field: number, value: Uint8Array): void {
    this.#reserve(value.length);
    this.#at -= value.length;
    this.#buffer.set(value, this.#at);
    this.#varint(value.length);
    this.#varint(field * 8 + BYTES);
  }

  /** A small number, or `true` as 1. */
  number(field: number, value: number): void {
    this.#varint(value);
    this.#varint(field * 8 + VARINT);
  }

  /** A 64-bit integer, not negative, in decimal. */
  decimal(field: number, value: string): void {
    const small = Number(value);
    if (!(small >= 0)) throw new RangeError(`Expected a 64-bit integer, not negative, got ${value}`);
    if (Number.isSafeInteger(small)) this.#varint(small);
    else {
      const big = BigInt(value);
      // 28 bits are four bytes of a varint.
      this.#long(Number(big & 0xfffffffn), Number(big >> 28n));
    }
    this.#varint(field * 8 + VARINT);
  }

  finish(): Buffer {
    return this.#buffer.subarray(this.#at);
  }

  #long(low: number, high: number): void {
    this.#varint(high);
    this.#reserve(4);
    for (let shift = 21; shift >= 0; shift -= 7) this.#buffer[--this.#at] = ((low >>> shift) & 0x7f) | 0x80;
  }

  #varint(value: number): void {
    let length = 1;
    for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) length += 1;
    this.#reserve(length);
    this.#at -= length;
    let at = this.#at;
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.#buffer[at++] = (rest % 0x80) | 0x80;
    this.#buffer[at] = rest;
  }

  #reserve(length: number): void {
    if (this.#at >= length) return;
    const used = this.#buffer.subarray(this.#at);
    const larger = Buffer.allocUnsafe(2 * (used.length + length));
    this.#at = larger.length - used.length;
    larger.set(used, this.#at);
    this.#buffer = larger;
  }
}

/** Reads a message, or a part of one. Unknown fields are for the caller to {@link skip}. */
export class Reader {
  readonly #bytes: Buffer;
  readonly #end: number;
  #at: number;
  #type = VARINT;

  constructor(bytes: Buffer, start = 0, end: number = bytes.length) {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  /** The number of the next field, whose value is to be read (or skipped) next; 0 at the end. */
  next(): number {
    if (this.#at >= this.#end) return 0;
    const tag = this.number();
    this.#type = tag & 7;
    return tag >>> 3;
  }

  /** Not a copy. */
  bytes(): Buffer {
    const start = this.#part();
    return this.#bytes.subarray(start, this.#at);
  }

  message(): Reader {
    const start = this.#part();
    return new Reader(this.#bytes, start, this.#at);
  }

  number(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 0x80) {
      const byte = this.#byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  }

  /** A 64-bit integer, not negative. */
  decimal(): string {
    const start = this.#at;
    const value = this.number();
    if (Number.isSafeInteger(value)) return `${value}`;
    let exact = 0n;
    for (let at = this.#at - 1; at >= start; at -= 1) exact = (exact << 7n) | BigInt(this.#bytes.readUInt8(at) & 0x7f);
    return `${exact}`;
  }

  skip(): void {
    switch (this.#type) {
      case VARINT:
        this.number();
        return;
      case FIXED64:
        return this.#advance(8);
      case FIXED32:
        return this.#advance(4);
      default:
        this.#part();
    }
  }

  /** Where the part begins; it ends where we are then. */
  #part(): number {
    if (this.#type !== BYTES) throw malformed();
    const length = this.number();
    const start = this.#at;
    this.#advance(length);
    return start;
  }

  #advance(length: number): void {
    this.#at += length;
    if (this.#at > this.#end) throw malformed();
  }

  #byte(): number {
    const at = this.#at;
    this.#advance(1);
    return this.#bytes[at] as number;
  }
}

function malformed(): Error {
  return new Error('The answer of the etcd server is not the protobuf message that was expected');
}
