import { SharedLease } from '@holdfast/core/adapter';
import type { Grant, ReleaseResult } from '@holdfast/core/adapter';
import { Code } from './errors.ts';
import { getData } from './protocol/operations.ts';
import { hasCode } from './queue/codes.ts';
import type { Entry } from './queue/entry.ts';

/** A grant: it lives with its session, or until its own node is gone. */
export class ZooKeeperGrant implements Grant {
  readonly fencingToken: bigint;
  readonly lease: SharedLease;
  readonly entry: Entry;
  /** When it was granted, in ms of the monotonic clock, if it was waited for. */
  waitedUntil: number | undefined;
  /** Set by the first release, for all others. */
  released: Promise<ReleaseResult> | undefined;
  #unwatch: () => void = () => undefined;

  constructor(entry: Entry, fencingToken: bigint) {
    this.entry = entry;
    this.fencingToken = fencingToken;
    this.lease = new SharedLease(entry.session.lease);
  }

  /** Has the server tell when somebody deletes the node: a thief. */
  watch(): void {
    const { session, path } = this.entry;
    this.#unwatch = session.watches.add('data', path, () => this.watch());
    session.call(getData(path, true)).then(undefined, (error: unknown) => {
      // Any other failure says nothing about the node. If the session is over, its lease says so.
      if (hasCode(error, Code.noNode)) this.lease.lose('stolen');
    });
  }

  unwatch(): void {
    this.#unwatch();
  }
}
