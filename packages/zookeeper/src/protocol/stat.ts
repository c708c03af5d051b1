import type { JuteReader } from './jute.ts';

/** What ZooKeeper keeps about a node. A zxid is the number of a transaction: one order over the whole ensemble. */
export interface Stat {
  /** The transaction that created the node. */
  readonly czxid: bigint;
  /** The transaction that last set its data; first that of its creation. */
  readonly mzxid: bigint;
  /** By the server's wall clock, in ms. */
  readonly ctime: number;
  readonly mtime: number;
  /** How often its data were set. */
  readonly version: number;
}

export function readStat(reader: JuteReader): Stat {
  const czxid = reader.long();
  const mzxid = reader.long();
  const ctime = Number(reader.long());
  const mtime = Number(reader.long());
  const version = reader.int();
  // cversion, aversion, ephemeralOwner, dataLength, numChildren, pzxid
  reader.int();
  reader.int();
  reader.long();
  reader.int();
  reader.int();
  reader.long();
  return { czxid, mzxid, ctime, mtime, version };
}
