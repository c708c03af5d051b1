import { hash } from 'node:crypto';

/** The advisory locks of a name. All are of the one-key (`int8`) kind, as texts: so they are sent, and a `Map` finds texts faster than bigints. */
export interface Keys {
  readonly name: string;
  /** The name's own lock and its queue: held by who holds it exclusively or shared; whoever wants a permit passes through it. */
  readonly lock: string;
  /** Held shared by every session with a permit. The permits themselves are the keys after it. */
  readonly permits: string;
  /** Held by the first in line for a permit while none is free: who gives one back looks at it. */
  readonly gate: string;
  /** Where the first in line for a permit is told that one is free. */
  readonly channel: string;
}

/** Room for the permits that follow, without running over the end of `int8`. */
const ROOM = 2n ** 33n;
const LARGEST = 2n ** 63n - 1n;

/**
 * SHA-256 of `holdfast`, a byte 0, and the name in UTF-8. Its first 8 bytes, as `int8`, are the lock's key, the next those of the permits, the third
 * those of the gate.
 */
function digest(name: string): Buffer {
  return hash('sha256', `holdfast\0${name}`, 'buffer');
}

/** So many names are remembered: most are locked more than once, and a hash costs more than all else that the client does of its own for a lock. */
const REMEMBERED = 500;
const known = new Map<string, Keys>();

export function keysOf(name: string): Keys {
  const found = known.get(name);
  if (found !== undefined) return found;
  if (known.size >= REMEMBERED) known.clear();
  const keys = derived(name);
  known.set(name, keys);
  return keys;
}

function derived(name: string): Keys {
  const bytes = digest(name);
  const lock = bytes.readBigInt64BE(0);
  const permits = bytes.readBigInt64BE(8);
  return {
    name,
    lock: String(lock),
    permits: String(permits > LARGEST - ROOM ? permits - ROOM : permits),
    gate: String(bytes.readBigInt64BE(16)),
    channel: `holdfast_${BigInt.asUintN(64, lock).toString(16)}`,
  };
}
