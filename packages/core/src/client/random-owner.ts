import { randomFillSync } from 'node:crypto';

const UUID_BYTES = 16;
/** Random bytes are fetched for so many at a time. */
const AHEAD = 256;

const random = Buffer.alloc(UUID_BYTES * AHEAD);
let at = random.length;

const text = Buffer.from('xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx', 'latin1');
/** Where the digits of each byte stand. */
const places: readonly number[] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];
const digits = Buffer.from('0123456789abcdef', 'latin1');

/**
 * A random UUID of version 4 (RFC 9562), as `randomUUID` makes it, but in one piece: that one is a tree of twenty strings, three times the
 * size where many are kept.
 */
export function randomOwner(): string {
  if (at === random.length) {
    randomFillSync(random);
    at = 0;
  }
  for (let i = 0; i < UUID_BYTES; i += 1) {
    let byte = random[at + i] as number;
    if (i === 6) byte = (byte & 0x0f) | 0x40;
    else if (i === 8) byte = (byte & 0x3f) | 0x80;
    // Who reads this memory later does not learn it.
    random[at + i] = 0;
    const place = places[i] as number;
    text[place] = digits[byte >> 4] as number;
    text[place + 1] = digits[byte & 15] as number;
  }
  at += UUID_BYTES;
  return text.toString('latin1');
}
