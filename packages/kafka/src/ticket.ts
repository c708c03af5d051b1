import type { Lease, LockRequest, LossReason, QueueEntry } from '@holdfast/core/adapter';

/** How a grant came about, which tells from when on it is proved. */
export type GrantedBy =
  /** By the request itself: its first sending is the proof. */
  | { readonly kind: 'request' }
  /** By somebody else's record, which was appended no earlier than `grantedAt` ({@link monotonicMs}), if that is known. */
  | { readonly kind: 'push'; readonly grantedAt: number | undefined };

/** `entering`: not in the queue yet, or to be put there again. `gone`: refused, expired or stolen from; the queue has no entry. */
type TicketState =
  | { readonly kind: 'entering' }
  | { readonly kind: 'waiting' }
  | { readonly kind: 'granted'; readonly entry: QueueEntry; readonly by: GrantedBy }
  | { readonly kind: 'gone'; readonly reason: LossReason };

/** A request of this process, from its entry to its release, as the log says it stands. */
export class Ticket {
  readonly request: LockRequest;
  /** Set once the grant is handed out; it is told when the log ends the hold. */
  lease: Lease | undefined;
  #state: TicketState = { kind: 'entering' };
  #decided: (() => void) | undefined;
  #failed: ((error: unknown) => void) | undefined;

  constructor(request: LockRequest) {
    this.request = request;
  }

  get state(): TicketState {
    return this.#state;
  }

  entering(): void {
    this.#state = { kind: 'entering' };
  }

  granted(entry: QueueEntry, by: GrantedBy): void {
    this.#state = { kind: 'granted', entry, by };
    this.#decided?.();
  }

  ended(reason: LossReason): void {
    this.#state = { kind: 'gone', reason };
    this.lease?.lose(reason);
    this.#decided?.();
  }

  /** What the queue has of it, whatever led to that: after its own record, or after a checkpoint that hides what came before. */
  reconcile(entry: QueueEntry | undefined): void {
    const { lease } = this;
    const state = this.#state;
    if (state.kind === 'granted' && entry !== undefined && bears(entry, state.entry)) this.#state = { ...state, entry };
    else if (entry === undefined || lease !== undefined) {
      if (state.kind !== 'gone') this.ended('expired');
    } else if (entry.token === undefined) this.#state = { kind: 'waiting' };
    else this.granted(entry, { kind: 'push', grantedAt: undefined });
  }

  /** Resolves when it no longer waits. Rejects with the abort's reason, or with what `fail` was called with. */
  async decided(): Promise<void> {
    const { signal } = this.request;
    if (this.#state.kind !== 'waiting') return;
    signal.throwIfAborted();
    let onAbort: (() => void) | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        onAbort = () => reject(signal.reason as Error);
        signal.addEventListener('abort', onAbort);
        this.#decided = resolve;
        this.#failed = reject;
      });
    } finally {
      if (onAbort !== undefined) signal.removeEventListener('abort', onAbort);
      this.#decided = undefined;
      this.#failed = undefined;
    }
  }

  /** The log can't be read, so nobody will tell. */
  fail(error: unknown): void {
    this.#failed?.(error);
  }
}

/** Whether `entry` is still the grant `known`, with all proofs of life that were counted on: a log may have lost some. */
function bears({ token, expiresAt }: QueueEntry, known: QueueEntry): boolean {
  return token === known.token && expiresAt >= known.expiresAt;
}
