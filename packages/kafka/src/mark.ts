/** A place in a log, and who put what is there, so that another log, or another past of the same one, is not taken for it. */
export interface Mark {
  readonly offset: number;
  /** Of the leader that appended the record: each leader of a partition has a greater one, also after an unclean election. */
  readonly epoch: number;
  /** The broker's time of the append, in ms: tells apart a topic that was deleted and made anew, where epochs begin again. */
  readonly appendedAt: number;
}

/** Two logs that have the same record at an offset have the same ones up to it: a leader appends each of its offsets once. */
export function isSame(a: Mark, b: Mark): boolean {
  return a.offset === b.offset && a.epoch === b.epoch && a.appendedAt === b.appendedAt;
}
