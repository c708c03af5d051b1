import { Lease } from '@holdfast/core/adapter';
import type { Grant, LeaseSource, LockRequest, RenewResult } from '@holdfast/core/adapter';
import type { Space, Watcher } from './space.ts';

/** A hold: its lease's own source and its own watcher, all in one object. */
export class MemoryGrant implements Grant, LeaseSource, Watcher {
  readonly name: string;
  /** As the space knows it. */
  readonly owner: string;
  readonly token: bigint;
  readonly lease: Lease;
  readonly #space: Space;

  constructor(space: Space, request: LockRequest, owner: string, token: bigint, provedAt: number) {
    const { name, ttlMs, renew } = request;
    this.#space = space;
    this.name = name;
    this.owner = owner;
    this.token = token;
    this.lease = new Lease({ ttlMs, provedAt, auto: renew }, this);
    space.watch(name, this);
  }

  get fencingToken(): bigint {
    return this.token;
  }

  async renew(): Promise<RenewResult> {
    return this.#prove();
  }

  onLost(): void {
    this.#space.unwatch(this.name, this.owner);
  }

  changed(): void {
    const result = this.#prove();
    if (result !== 'renewed') this.lease.lose(result);
  }

  #prove(): RenewResult {
    const { entry } = this.#space.change(this.name, { type: 'renew', owner: this.owner });
    if (entry !== undefined) return 'renewed';
    // The holder's deadline lies before the queue's: while it has not come, only a thief can have ended the hold.
    return this.lease.remainingMs > 0 ? 'stolen' : 'expired';
  }
}
