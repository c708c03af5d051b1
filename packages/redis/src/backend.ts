import { abortable, monotonicMs } from '@holdfast/core/adapter';
import type {
  Capabilities,
  Diagnosis,
  LockBackend,
  LockRequest,
  LockSnapshot,
  ReleaseResult,
} from '@holdfast/core/adapter';
import type { Call } from './call.ts';
import { Departures } from './departures.ts';
import type { Departure } from './departures.ts';
import { entryOf, TermsMaker, ttlOf } from './entry.ts';
import { isTransient } from './errors.ts';
import { Holds } from './holds.ts';
import type { Claim, RedisGrant } from './holds.ts';
import { keysOf } from './keys.ts';
import { query } from './query.ts';
import { isToken } from './scripts/acquire.ts';
import type { ServerClock } from './server-clock.ts';
import type { Concerns, OpenServers, Servers } from './servers.ts';
import { Votes } from './votes.ts';
import { Waiter } from './waiter.ts';
import type { WaiterContext } from './waiter.ts';

export const capabilities: Capabilities = {
  modes: ['exclusive', 'shared', 'semaphore'],
  steal: true,
  query: true,
  fifo: true,
  wakeup: 'push',
  lease: 'grant',
  takeover: 'after-ttl',
  ttl: { minMs: 50, granularityMs: 100 },
  fencing: 'per-name',
  reach: 'network',
  durability:
    'Redis persists and replicates asynchronously: a crash, restart or failover may lose locks (a failover loses none that all replicas have: `replicas`); tokens keep growing as long as the server clock does not go back by more than the outage',
};

export interface RedisBackendOptions {
  readonly servers: OpenServers;
  /** Of all keys and channels. */
  readonly prefix: string;
  readonly skewMs: number;
  /** See {@link Votes}. */
  readonly quarantineMs: number;
  /** How many must have a grant or a renewal before it counts. */
  readonly replicas: number;
}

/** A try that fails because the connection broke is repeated once: the connection may only have been renewed. */
const TRY_ATTEMPTS = 2;

/** One queue per name, kept by Lua scripts; see scripts/queue.ts for what the server keeps and README.md for the whole. */
export class RedisBackend implements LockBackend<RedisGrant> {
  readonly name = 'redis';
  readonly capabilities: Capabilities = capabilities;
  /** Of one server. */
  declare readonly voting?: Votes;
  readonly #options: RedisBackendOptions;
  readonly #servers: Servers;
  readonly #terms: TermsMaker;
  readonly #holds: Holds;
  readonly #departures: Departures;
  /** By owner, which is what messages name. */
  readonly #waiters = new Map<string, Waiter>();
  readonly #waiting: WaiterContext;
  #closed = false;

  constructor(options: RedisBackendOptions) {
    const { servers, prefix, skewMs, quarantineMs } = options;
    this.#options = options;
    this.#servers = servers({
      message: (text, clock) => this.#onMessage(text, clock),
      up: (concerns, isReached) => this.#onUp(concerns, isReached),
      subscribed: (concerns) => this.#verify(concerns),
      used: () => this.#used(),
    });
    const { runner, scripts, messages, one } = this.#servers;
    this.#holds = new Holds({ runner, skewMs, keysOf: (name) => keysOf(prefix, name) });
    this.#departures = new Departures(runner, scripts.release);
    const [holds, departures] = [this.#holds, this.#departures];
    if (one !== undefined) this.voting = new Votes({ commands: one, holds, departures, prefix, quarantineMs, skewMs });
    this.#waiting = {
      holds: this.#holds,
      enter: (claim) => this.#enter(claim, 'wait'),
      leave: (claim, sent) => this.#departures.leave(claim, sent),
      verify: ({ request }) => messages.verify(request.name),
      pushed: (claim, grant) => {
        if (grant.lease.state !== 'ended') grant.departure = this.#departures.prepare(claim);
      },
      done: ({ request }) => this.#waiters.delete(request.owner),
    };
    this.#terms = new TermsMaker(messages.address);
  }

  acquire(request: LockRequest): Promise<RedisGrant | null> {
    const terms = this.#terms.of(request);
    const claim: Claim = {
      request,
      terms,
      entry: entryOf(request.owner, terms),
      keys: keysOf(this.#options.prefix, request.name),
      ttlMs: ttlOf(request),
    };
    if (request.vote !== undefined && this.voting !== undefined) return this.voting.cast(claim);
    // Nobody enters the queue who can't be reached there: the next release would pass it over. Most locks are free, and
    // need no messages.
    if (!request.wait || request.steal || !this.#servers.messages.ready(request.name)) return this.#tryFirst(claim);
    return this.#wait(claim);
  }

  release(grant: RedisGrant): Promise<ReleaseResult> {
    const released = this.#departures.release(grant.departure ?? this.#departureOf(grant));
    grant.departure = undefined;
    // In the same turn, so that nothing can come of the lease any more, and yet after the message is on its way.
    this.#holds.end(grant);
    return released;
  }

  query(name?: string): Promise<LockSnapshot> {
    return query(this.#servers, this.#options.prefix, name);
  }

  diagnose(): Promise<Diagnosis> {
    return this.#servers.diagnose();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#departures.close();
    this.#holds.close();
    this.#servers.close();
  }

  async #tryFirst(claim: Claim): Promise<RedisGrant | null> {
    const { request } = claim;
    const grant = await this.#try(claim);
    if (grant !== null || !request.wait) return grant;
    await abortable(this.#servers.messages.open(request.name), request.signal);
    return await this.#wait(claim);
  }

  async #try(claim: Claim): Promise<RedisGrant | null> {
    const { request } = claim;
    const sent: Call[] = [];
    for (;;) {
      const startedAt = monotonicMs();
      const call = this.#enter(claim, request.steal ? 'steal' : 'try');
      sent.push(call);
      try {
        const reply = await call.reply;
        if (reply === null) return null;
        // A token is the server's clock, or ahead of it.
        call.clock.read(startedAt, Number(reply));
        return this.#listening(this.#holds.add(claim, String(reply), startedAt));
      } catch (error) {
        if (!request.aborted && isTransient(error) && sent.length < TRY_ATTEMPTS) continue;
        const left = this.#departures.leave(claim, Promise.all(sent.map(({ settled }) => settled)));
        if (!request.aborted) throw error;
        await left;
        throw request.signal.reason;
      }
    }
  }

  #wait(claim: Claim): Promise<RedisGrant> {
    const waiter = new Waiter(claim, this.#waiting);
    // Before anything is sent: the message of the grant may overtake the answer, on the other connection.
    this.#waiters.set(claim.request.owner, waiter);
    waiter.ask();
    return waiter.granted;
  }

  #enter({ keys, entry, ttlMs }: Claim, how: 'wait' | 'try' | 'steal'): Call {
    const { runner, scripts } = this.#servers;
    return runner.start(scripts.acquire, { keys, args: [entry, String(ttlMs), how] }, isToken);
  }

  #departureOf({ name, entry, lease }: RedisGrant): Departure {
    return { entry, keys: keysOf(this.#options.prefix, name), ttlMs: lease.ttlMs };
  }

  /** Whoever holds wants to hear of a thief. Not awaited: until then, the next renewal tells. */
  #listening(grant: RedisGrant): RedisGrant {
    this.#servers.messages.heed(grant.name);
    return grant;
  }

  #onMessage(text: string, clock: ServerClock | undefined): void {
    const [event, owner = '', ...details] = text.split(' ');
    if (event === 'stolen') return this.#holds.stolen(owner);
    // A message for a request that was given up in the meantime needs no answer: its `leave` is under way.
    const waiter = this.#waiters.get(owner);
    if (event === 'granted') {
      // Whether replicas have it only a question of our own can tell.
      if (this.#options.replicas > 0) waiter?.ask();
      else waiter?.push(details[0] ?? '', Number(details[1]), clock);
    } else if (event === 'first') waiter?.first(Number(details[0]));
  }

  #onUp(concerns: Concerns, isReached: boolean): void {
    void this.#departures.pay();
    if (isReached) this.#verify(concerns);
    else this.#holds.verify(concerns);
  }

  /**
   * Messages come, perhaps again: some may have been lost, of a grant or of a theft, and a server that was
   * restarted, or has taken over, may know nothing of us. Holders first: they should learn of a loss before a waiter here profits from it.
   */
  #verify(concerns: Concerns): void {
    this.#holds.verify(concerns);
    for (const waiter of this.#waiters.values()) if (concerns(waiter.name)) waiter.ask();
  }

  #used(): Set<string> {
    const names = new Set(this.#holds.names());
    for (const { name } of this.#waiters.values()) names.add(name);
    return names;
  }
}
