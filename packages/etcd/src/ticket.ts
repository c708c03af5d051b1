import { randomBytes } from 'node:crypto';
import type { LockRequest, SharedLease } from '@holdfast/core/adapter';
import { queueOf, requestKey } from './keys.ts';

/** A request's key in the queue, from before it is sent until it is known to be gone. */
export class Ticket {
  readonly request: LockRequest;
  readonly queue: string;
  readonly key: string;
  /** The revision at which it entered, once known. */
  created: bigint | undefined;
  /** An attempt to enter was sent of which nobody knows what became. */
  doubtful = false;
  /** Somebody stole it, or it is gone without our doing. */
  evicted = false;
  /** Once it holds. */
  lease: SharedLease | undefined;

  constructor(prefix: string, request: LockRequest) {
    const { name, mode, permits, steal, owner } = request;
    this.request = request;
    this.queue = queueOf(prefix, name);
    // A request may enter again, after its session is lost, while its first key is still there.
    const id = `${owner}${randomBytes(4).toString('base64url')}`;
    this.key = requestKey(this.queue, id, { mode, permits, thief: steal });
  }

  /** What `query` shows. */
  get value(): Buffer {
    const { id, host, pid } = this.request.client;
    return Buffer.from(JSON.stringify({ client: id, host, pid, since: Date.now() }));
  }

  evict(): void {
    this.evicted = true;
    this.lease?.lose('stolen');
  }
}
