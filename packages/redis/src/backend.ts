import { abortable, monotonicMs } from '@holdfast/core/adapter';
import type {
  Capabilities,
  Diagnosis,
  LockBackend,
  LockRequest,
  LockSnapshot,
  ReleaseResult,
} from '@holdfast/core/adapter';
import { Commands } from './commands.ts';
import type { Call } from './commands.ts';
import { Departures } from './departures.ts';
import { diagnose } from './diagnose.ts';
import { entryOf, TermsMaker, ttlOf } from './entry.ts';
import { isTransient } from './errors.ts';
import { Holds } from './holds.ts';
import type { Claim, RedisGrant } from './holds.ts';
import { keysOf } from './keys.ts';
import type { Link } from './link.ts';
import { query } from './query.ts';
import { acquire } from './scripts/acquire.ts';
import type { Sentinels } from './sentinel/sentinels.ts';
import { ServerClock } from './server-clock.ts';
import { Subscription } from './subscription.ts';
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
  readonly commands: Link;
  readonly makeSubscriber: () => Link;
  /** Of all keys and channels. */
  readonly prefix: string;
  readonly timeoutMs: number;
  readonly skewMs: number;
  /** How many must have a grant or a renewal before it counts. */
  readonly replicas: number;
  /** That say where the master is. */
  readonly sentinels?: Sentinels | undefined;
}

/** A try that fails because the connection broke is repeated once: the connection may only have been renewed. */
const TRY_ATTEMPTS = 2;

/** One queue per name, kept by Lua scripts; see scripts/queue.ts for what the server keeps and README.md for the whole. */
export class RedisBackend implements LockBackend<RedisGrant> {
  readonly name = 'redis';
  readonly capabilities: Capabilities = capabilities;
  readonly #options: RedisBackendOptions;
  readonly #commands: Commands;
  readonly #subscription: Subscription;
  readonly #terms: TermsMaker;
  readonly #holds: Holds;
  readonly #departures: Departures;
  readonly #clock = new ServerClock();
  /** By owner, which is what messages name. */
  readonly #waiters = new Map<string, Waiter>();
  readonly #waiting: WaiterContext;
  #closed = false;

  constructor(options: RedisBackendOptions) {
    const { commands, prefix, timeoutMs, skewMs, replicas, makeSubscriber } = options;
    this.#options = options;
    this.#commands = new Commands(commands, timeoutMs, replicas);
    this.#holds = new Holds({ commands: this.#commands, skewMs, keysOf: (name) => keysOf(prefix, name) });
    this.#departures = new Departures(this.#commands);
    this.#subscription = new Subscription(prefix, makeSubscriber, {
      message: (text) => this.#onMessage(text),
      subscribed: () => this.#verifyAll(),
      reaches: (channel) => this.#commands.subscribed(channel),
    });
    this.#waiting = {
      holds: this.#holds,
      clock: this.#clock,
      enter: (claim) => this.#enter(claim, 'wait'),
      leave: (claim, sent) => this.#departures.leave(claim, sent),
      verify: () => this.#subscription.verify(),
      done: ({ request }) => this.#waiters.delete(request.owner),
    };
    this.#terms = new TermsMaker(this.#subscription.channel);
    commands.on('close', () => {
      this.#clock.forget();
      this.#subscription.doubt();
    });
    commands.on('ready', () => {
      this.#holds.verify();
      // Waiters ask once they can be reached there: before, they would be passed over.
      this.#subscription.check();
    });
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
    // Nobody enters the queue who can't be reached there: the next release would pass it over. Most locks are free, and
    // need no messages.
    if (!request.wait || request.steal || !this.#subscription.ready) return this.#tryFirst(claim);
    return this.#wait(claim);
  }

  release(grant: RedisGrant): Promise<ReleaseResult> {
    this.#holds.end(grant);
    const { name, entry, lease } = grant;
    return this.#departures.release({ entry, keys: keysOf(this.#options.prefix, name), ttlMs: lease.ttlMs });
  }

  query(name?: string): Promise<LockSnapshot> {
    return query(this.#commands, this.#options.prefix, name);
  }

  diagnose(): Promise<Diagnosis> {
    const { replicas, sentinels } = this.#options;
    return diagnose({ commands: this.#commands, replicas, sentinels });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#departures.close();
    this.#holds.close();
    this.#subscription.close();
    this.#commands.link.close();
    this.#options.sentinels?.close();
  }

  async #tryFirst(claim: Claim): Promise<RedisGrant | null> {
    const { request } = claim;
    const grant = await this.#try(claim);
    if (grant !== null || !request.wait) return grant;
    await abortable(this.#subscription.open(), request.signal);
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
        this.#clock.read(startedAt, Number(reply));
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
    return this.#commands.start(acquire, { keys, args: [entry, String(ttlMs), how] }, isToken);
  }

  /** Whoever holds wants to hear of a thief. Not awaited: until then, the next renewal tells. */
  #listening(grant: RedisGrant): RedisGrant {
    if (!this.#subscription.ready) this.#subscription.open().then(undefined, () => undefined);
    return grant;
  }

  #onMessage(text: string): void {
    const [event, owner = '', ...details] = text.split(' ');
    if (event === 'stolen') return this.#holds.stolen(owner);
    // A message for a request that was given up in the meantime needs no answer: its `leave` is under way.
    const waiter = this.#waiters.get(owner);
    if (event === 'granted') {
      // Whether replicas have it only a question of our own can tell.
      if (this.#options.replicas > 0) waiter?.ask();
      else waiter?.push(details[0] ?? '', Number(details[1]));
    }
    if (event === 'first') waiter?.first(Number(details[0]));
  }

  /**
   * Messages come, perhaps again: some may have been lost, of a grant or of a theft, and a server that was
   * restarted, or has taken over, may know nothing of us. Holders first: they should learn of a loss before a waiter here profits from it.
   */
  #verifyAll(): void {
    this.#holds.verify();
    for (const waiter of this.#waiters.values()) waiter.ask();
  }
}

/** A reply of the acquire script that grants. */
function isToken(reply: unknown): boolean {
  return reply !== null && !Array.isArray(reply);
}
