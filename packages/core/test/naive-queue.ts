import { CONFIRM_MS } from '@holdfast/core/adapter';
import type { QueueEvent } from '@holdfast/core/adapter';

type Request = QueueEvent & { readonly type: 'request' };
interface Hold {
  readonly request: Request;
  readonly token: bigint;
  expiresAt: number;
}

/**
 * What the queue's state machine promises, written the other way round: holders and waiters apart, and instead of counting
 * places from the front, each waiter in turn is asked whether it gets along with those who hold.
 */
export class NaiveQueue {
  held = new Map<string, Hold>();
  waiting: Request[] = [];
  #now = 0;
  #lastToken = 0n;

  apply(event: QueueEvent): { granted: { owner: string; token: bigint; expiresAt: number }[]; ended: string[] } {
    this.#now = Math.max(this.#now, event.time);
    const ended = this.#remove((hold) => hold.expiresAt <= this.#now).map((owner) => `${owner} expired`);
    if (event.type === 'renew') this.#renew(event.owner, event.time);
    if (event.type === 'leave') this.#leave(event.owner);
    const granted = [];
    if (event.type === 'request' && !this.#knows(event.owner)) {
      if (event.steal) ended.push(...this.#remove(() => true).map((owner) => `${owner} stolen`));
      // Whoever waits goes in before somebody who comes now.
      else granted.push(...this.#grant(event));
      const isFree = this.waiting.length === 0 || event.steal;
      if (event.wait || (isFree && this.#getsAlong(event)))
        this.waiting.splice(event.steal ? 0 : this.waiting.length, 0, event);
    }
    granted.push(...this.#grant(event));
    return { granted, ended };
  }

  #knows(owner: string): boolean {
    return this.held.has(owner) || this.waiting.some((request) => request.owner === owner);
  }

  #remove(isOver: (hold: Hold) => boolean): string[] {
    const gone = [...this.held].filter(([, hold]) => isOver(hold)).map(([owner]) => owner);
    for (const owner of gone) this.held.delete(owner);
    return gone;
  }

  #renew(owner: string, time: number): void {
    const hold = this.held.get(owner);
    if (hold !== undefined) hold.expiresAt = Math.max(hold.expiresAt, time + hold.request.ttlMs);
  }

  #leave(owner: string): void {
    this.held.delete(owner);
    this.waiting = this.waiting.filter((request) => request.owner !== owner);
  }

  #getsAlong(request: Request): boolean {
    const holders = [...this.held.values()].map((hold) => hold.request);
    if (request.mode === 'exclusive') return holders.length === 0;
    if (holders.some(({ mode }) => mode !== request.mode)) return false;
    return request.mode === 'shared' || holders.length < (request.permits ?? 0);
  }

  #grant(event: QueueEvent): { owner: string; token: bigint; expiresAt: number }[] {
    const granted = [];
    for (let next = this.waiting[0]; next !== undefined && this.#getsAlong(next); next = this.waiting[0]) {
      this.waiting.shift();
      this.#lastToken += 1n;
      if (this.#lastToken < event.wallMicros) this.#lastToken = event.wallMicros;
      const isAlive = (event.type === 'request' || event.type === 'renew') && event.owner === next.owner;
      const expiresAt = isAlive ? event.time + next.ttlMs : this.#now + Math.min(next.ttlMs, CONFIRM_MS);
      this.held.set(next.owner, { request: next, token: this.#lastToken, expiresAt });
      granted.push({ owner: next.owner, token: this.#lastToken, expiresAt });
    }
    return granted;
  }
}
