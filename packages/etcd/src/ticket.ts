import type { LockRequest, SharedLease } from '@holdfast/core/adapter';
import { queueOf, requestKey } from './keys.ts';
import type { Successor } from './successor.ts';

/**
 * A request's key in the queue, from before it is sent until it is known to be gone. One is kept for each lock that is held, so it has
 * nothing that is needed no more by then.
 */
export class Ticket {
  readonly key: string;
  /** The revision at which it entered, once known. */
  created: bigint | undefined;
  /** An attempt to enter was sent of which nobody knows what became. */
  doubtful = false;
  /** Somebody stole it, or it is gone without our doing. */
  evicted = false;
  /** Who comes next, if that is known. */
  next: Successor | undefined;
  /** Once it holds. */
  lease: SharedLease | undefined;

  /** A request may enter again, after its session is lost, while its first key is still there: `attempt` tells them apart. */
  constructor(prefix: string, { name, mode, permits, steal, owner }: LockRequest, attempt: number) {
    const id = attempt === 0 ? owner : `${owner}-${attempt}`;
    this.key = requestKey(queueOf(prefix, name), id, { mode, permits, thief: steal });
  }

  /** The queue in which the key is. */
  get queue(): string {
    return this.key.slice(0, this.key.lastIndexOf('/') + 1);
  }

  evict(): void {
    this.evicted = true;
    this.lease?.lose('stolen');
  }
}
