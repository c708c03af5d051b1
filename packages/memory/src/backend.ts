import { monotonicMs, snapshot } from '@holdfast/core/adapter';
import type {
  Capabilities,
  LockBackend,
  LockRequest,
  LockSnapshot,
  QueueEntry,
  ReleaseResult,
  Voting,
} from '@holdfast/core/adapter';
import { MemoryGrant } from './grant.ts';
import type { Space } from './space.ts';

export const capabilities: Capabilities = {
  modes: ['exclusive', 'shared', 'semaphore'],
  steal: true,
  query: true,
  fifo: true,
  wakeup: 'push',
  lease: 'grant',
  takeover: 'after-ttl',
  ttl: { minMs: 10, granularityMs: 50 },
  fencing: 'per-name',
  reach: 'process',
  durability: 'Locks end with the process; tokens keep growing as long as the wall clock of the next one is not behind',
};

/** Locks in a space of this thread, or in one that it shares with other threads. */
export class MemoryBackend implements LockBackend<MemoryGrant> {
  readonly name = 'memory';
  readonly capabilities: Capabilities = capabilities;
  /** A space ends with its process, and with it whatever could ask for a vote. */
  readonly voting: Voting<MemoryGrant> = {
    maxTtlMs: Infinity,
    raise: async ({ name, owner }, token) =>
      this.#space.change(name, { type: 'renew', owner, atLeast: token }).entry !== undefined,
  };
  readonly #space: Space;

  constructor(space: Space) {
    this.#space = space;
  }

  async acquire(request: LockRequest): Promise<MemoryGrant | null> {
    const owner = this.#space.ownerOf(request.owner);
    const grant = this.#enter(request, owner);
    if (grant !== null || !request.wait) return grant;
    request.onContended();
    return this.#wait(request, owner);
  }

  async release(grant: MemoryGrant): Promise<ReleaseResult> {
    this.#space.unwatch(grant.name, grant.owner);
    grant.lease.end();
    return this.#space.change(grant.name, { type: 'leave', owner: grant.owner }).left ? 'released' : 'not-held';
  }

  async query(name?: string): Promise<LockSnapshot> {
    const shown = [...this.#space.queues(name)].map(([queueName, queue]) => snapshot(queueName, queue));
    return { held: shown.flatMap(({ held }) => held), pending: shown.flatMap(({ pending }) => pending) };
  }

  async close(): Promise<void> {
    this.#space.close();
  }

  #enter(request: LockRequest, owner: string): MemoryGrant | null {
    const { mode, permits, ttlMs, client, wait, steal } = request;
    const provedAt = monotonicMs();
    const { entry } = this.#space.change(request.name, {
      type: 'request',
      owner,
      mode,
      permits,
      ttlMs,
      client,
      wait,
      steal,
    });
    return entry?.token === undefined ? null : this.#grant(request, entry, provedAt);
  }

  /** The one turn of the event loop in which a waiter is granted, confirms and resolves leaves no room for an abort. */
  #wait(request: LockRequest, owner: string): Promise<MemoryGrant> {
    const { name, signal } = request;
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        signal.removeEventListener('abort', abort);
        this.#space.unwatch(name, owner);
      };
      const abort = (): void => {
        settle();
        this.#space.change(name, { type: 'leave', owner });
        reject(signal.reason);
      };
      const changed = (): void => {
        try {
          const grant = this.#confirm(request, owner);
          if (grant === null) return;
          // Not settle(): the grant's own watcher has taken the waiter's place.
          signal.removeEventListener('abort', abort);
          resolve(grant);
        } catch (error) {
          settle();
          reject(error);
        }
      };
      signal.addEventListener('abort', abort, { once: true });
      this.#space.watch(name, { owner, token: undefined, changed });
    });
  }

  /** A waiter that may have been granted the lock renews at once: that proves it alive, and tells whether it was. */
  #confirm(request: LockRequest, owner: string): MemoryGrant | null {
    const provedAt = monotonicMs();
    const { entry } = this.#space.change(request.name, { type: 'renew', owner });
    // This thread slept through its own grant, which went to the next: back into the queue, at its end.
    if (entry === undefined) return this.#enter(request, owner);
    return entry.token === undefined ? null : this.#grant(request, entry, provedAt);
  }

  #grant(request: LockRequest, { owner, token }: QueueEntry, provedAt: number): MemoryGrant {
    return new MemoryGrant(this.#space, request, owner, token as bigint, provedAt);
  }
}
