import { randomBytes } from 'node:crypto';
import { InvalidArgumentError, Lease, monotonicMs } from '@holdfast/core/adapter';
import type { RenewResult, Session } from '@holdfast/core/adapter';
import { MAX_TTL_MS, sessionTtlMs } from './capabilities.ts';
import type { Consul, Operation } from './consul.ts';
import { PlaceLostError, RefusedError } from './errors.ts';
import { sessionKey } from './keys.ts';
import type { Ticket } from './ticket.ts';
import { verify } from './verify.ts';
import type { Watches } from './watches.ts';

export interface SessionContext {
  readonly consul: Consul;
  readonly watches: Watches;
  readonly prefix: string;
  /** Of the catalog, which the sessions belong to. */
  readonly node: string;
}

/** Acquire and release in a loop must not start and stop a blocking query each time, in ms. */
const LINGER_MS = 300;

/**
 * A Consul session, and what its requests have in common: one heartbeat, and a key which goes with the session, which fences
 * its requests and by which it learns at once that it was destroyed or that a lock was stolen from it.
 */
export class ConsulSession implements Session {
  readonly lease: Lease;
  readonly id: string;
  readonly key: string;
  /** The index that wrote `key` last, as far as we know: what requests are conditioned on. */
  fence: number;
  /** How often its key was found written by others or ourselves: each time something may have been stolen. */
  changes = 0;
  readonly #context: SessionContext;
  readonly #tickets = new Set<Ticket>();
  #seen: number;
  #stopWatch: (() => void) | undefined;
  #linger: NodeJS.Timeout | undefined;

  /** The server chooses the id, and only then its key can be written and its life be prolonged. */
  static async open(context: SessionContext, ttlMs: number, renewed: boolean): Promise<ConsulSession> {
    const { consul, prefix, node } = context;
    if (ttlMs > MAX_TTL_MS)
      throw new InvalidArgumentError(`Expected \`ttl\` to be at most ${MAX_TTL_MS} ms on Consul, got ${ttlMs}`);
    await consul.ensureNode(node);
    // An attempt whose answer was lost leaves an empty session, which ends with its TTL.
    const id = await consul.createSession(node, sessionTtlMs(ttlMs));
    let lease: Lease | undefined;
    const beat = async (): Promise<number> => {
      const startedAt = monotonicMs();
      if (!(await renew(consul, id, ttlMs))) throw new PlaceLostError('The session ended while it was opened');
      lease?.proved(startedAt);
      return startedAt;
    };
    // On a network that is slow in relation to the ttl the next heartbeat is due before the first is answered.
    const more = setInterval(() => void beat().then(undefined, () => undefined), ttlMs / 4).unref();
    try {
      const [provedAt, fence] = await Promise.all([beat(), begin(consul, prefix, id)]);
      lease = new Lease({ ttlMs, provedAt, auto: renewed, renew: () => beatOnce(consul, id, ttlMs) });
      return new ConsulSession(context, id, fence, lease);
    } catch (error) {
      consul.destroySession(id).then(undefined, () => undefined);
      throw error;
    } finally {
      clearInterval(more);
    }
  }

  private constructor(context: SessionContext, id: string, fence: number, lease: Lease) {
    this.#context = context;
    this.id = id;
    this.key = sessionKey(context.prefix, id);
    this.fence = fence;
    this.#seen = fence;
    this.lease = lease;
    lease.observe(({ type }) => {
      if (type === 'lost') this.#rest();
    });
  }

  get isOver(): boolean {
    return this.lease.remainingMs === 0;
  }

  /** What its requests are conditioned on. */
  get isCurrent(): Operation {
    return { Verb: 'check-index', Key: this.key, Index: this.fence };
  }

  /** Writes its key: requests that were sent before pass no more. */
  get advance(): Operation {
    return { Verb: 'lock', Key: this.key, Session: this.id, Value: nonce() };
  }

  /** Its key is known to have been written at `index`. */
  raise(index: number): void {
    if (index > this.fence) this.fence = index;
  }

  /** To be called before the request is sent: it may be stolen before its answer is here. */
  join(ticket: Ticket): void {
    this.#tickets.add(ticket);
    clearTimeout(this.#linger);
    this.#linger = undefined;
    this.#watch();
  }

  /** Whether it was still there. */
  leave(ticket: Ticket): boolean {
    if (!this.#tickets.delete(ticket)) return false;
    if (this.#tickets.size === 0) this.#linger = setTimeout(() => this.#rest(), LINGER_MS).unref();
    return true;
  }

  /** A condition on this session was not met: it is over, or its key was written by somebody else, or the agent refuses. */
  async examine(why: string): Promise<void> {
    const { fence } = this;
    const found = await this.#context.consul.read(this.key);
    if (found === undefined) {
      this.lease.lose('expired', new Error('The key of its session is gone'));
      throw new PlaceLostError('The session is over');
    }
    if (found.ModifyIndex <= fence) {
      await this.lease.renew();
      throw new RefusedError(403, why);
    }
    this.raise(found.ModifyIndex);
  }

  async close(): Promise<void> {
    this.#rest();
    await this.#context.consul.destroySession(this.id);
  }

  #watch(): void {
    if (this.#stopWatch !== undefined || this.isOver) return;
    const watched = { key: this.key, isPrefix: false, from: this.#seen };
    this.#stopWatch = this.#context.watches.watch(
      watched,
      ({ entries: [found] }) => this.#onChange(found?.ModifyIndex),
      true,
    );
  }

  #rest(): void {
    this.#stopWatch?.();
    this.#stopWatch = undefined;
  }

  #onChange(index: number | undefined): void {
    if (index === undefined) return this.lease.lose('expired', new Error('The key of its session is gone'));
    if (index === this.#seen) return;
    this.#seen = index;
    this.raise(index);
    this.changes += 1;
    this.#verify().then(undefined, () => undefined);
  }

  /** Until it is known what is left: a holder that does not know of a theft would go on until its deadline. */
  async #verify(): Promise<void> {
    const { changes } = this;
    const tickets = [...this.#tickets].filter(({ entered }) => entered);
    while (!this.isOver && this.changes === changes) {
      try {
        for (const ticket of await verify(this.#context.consul, this.id, tickets)) ticket.evict();
        return;
      } catch (error) {
        if (error instanceof RefusedError) return;
      }
    }
  }
}

/** Its key, and so the fence. */
async function begin(consul: Consul, prefix: string, id: string): Promise<number> {
  const outcome = await consul.transact([{ Verb: 'lock', Key: sessionKey(prefix, id), Session: id, Value: nonce() }]);
  const [key] = outcome.applied ? outcome.results : [];
  if (key === undefined) throw new RefusedError(403, outcome.applied ? 'the transaction has no result' : outcome.why);
  return key.ModifyIndex;
}

async function beatOnce(consul: Consul, id: string, ttlMs: number): Promise<RenewResult> {
  return (await renew(consul, id, ttlMs)) ? 'renewed' : 'expired';
}

/** Another agent is asked while there is time for it. The lease begins the next heartbeat also while this one hangs. */
function renew(consul: Consul, id: string, ttlMs: number): Promise<boolean> {
  const { timeoutMs, count } = consul.agents;
  const boundMs = Math.min(timeoutMs, ttlMs / (count > 1 ? 3 : 1));
  return consul.renewSession(id, { urgent: true, timeoutMs: boundMs, patienceMs: Math.max(boundMs, ttlMs / 3) });
}

function nonce(): string {
  return randomBytes(6).toString('base64');
}
