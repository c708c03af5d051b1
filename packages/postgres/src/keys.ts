import { createHash } from 'node:crypto';

/** The advisory locks of a name. All are of the one-key (`int8`) kind. */
export interface Keys {
  readonly name: string;
  /** The name's own lock and its queue: held by who holds it exclusively or shared; whoever wants a permit passes through it. */
  readonly lock: bigint;
  /** Held shared by every session with a permit. The permits themselves are the keys after it. */
  readonly permits: bigint;
  /** Held by the first in line for a permit while none is free: who gives one back looks at it. */
  readonly gate: bigint;
  /** Where the first in line for a permit is told that one is free. */
  readonly channel: string;
}

/** Room for the permits that follow, without running over the end of `int8`. */
const ROOM = 2n ** 33n;
const LARGEST = 2n ** 63n - 1n;

/** The first 8 bytes, as `int8`, of the SHA-256 of `holdfast`, a byte 0, what the key is for, a byte 0, and the name in UTF-8. */
function hash(purpose: string, name: string): bigint {
  return createHash('sha256').update(`holdfast\0${purpose}\0${name}`).digest().readBigInt64BE();
}

/** The key by which sessions and transactions lock `name`. */
export function lockKey(name: string): bigint {
  return hash('lock', name);
}

/** The key that every holder of a permit of `name` holds shared. */
export function permitsKey(name: string): bigint {
  const key = hash('permits', name);
  return key > LARGEST - ROOM ? key - ROOM : key;
}

export function keysOf(name: string): Keys {
  const lock = lockKey(name);
  return {
    name,
    lock,
    permits: permitsKey(name),
    gate: hash('gate', name),
    channel: `holdfast_${BigInt.asUintN(64, lock).toString(16)}`,
  };
}
