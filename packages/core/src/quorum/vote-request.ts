import { randomUUID } from 'node:crypto';
import type { ClientInfo, LockRequest, VoteTerms } from '../contract.ts';

/**
 * What one member is asked in one ballot. The owner is new each time, and another for each member: if two of them lead to one server in
 * spite of all checks, it grants to one of the two only.
 */
export class VoteRequest implements LockRequest {
  readonly name: string;
  readonly owner: string = randomUUID();
  readonly mode = 'exclusive';
  readonly ttlMs: number;
  readonly wait = false;
  readonly steal = false;
  /** The hold renews its votes itself, all at once. */
  readonly renew = false;
  readonly vote: VoteTerms;
  readonly client: ClientInfo;
  #ended: { readonly reason: unknown } | undefined;
  #controller: AbortController | undefined;

  constructor({ name, ttlMs, client }: LockRequest, proposal: bigint) {
    this.vote = { proposal };
    this.name = name;
    this.ttlMs = ttlMs;
    this.client = client;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#ended !== undefined) this.#controller.abort(this.#ended.reason);
    }
    return this.#controller.signal;
  }

  get aborted(): boolean {
    return this.#ended !== undefined;
  }

  readonly onContended = (): void => undefined;

  /** The ballot is over: no answer is of use any more. */
  abort(reason: unknown): void {
    if (this.#ended !== undefined) return;
    this.#ended = { reason };
    this.#controller?.abort(reason);
  }
}
