import type { RedisOptions } from 'ioredis';
import { isTransient } from '../errors.ts';
import { mapped } from '../nat-map.ts';
import type { NatMap } from '../nat-map.ts';
import { isSame, shown } from './address.ts';
import type { Address } from './address.ts';
import { Sentinel, UnknownMasterError } from './sentinel.ts';
import type { Claim } from './sentinel.ts';

export interface SentinelsOptions {
  readonly addresses: readonly Address[];
  /** What the sentinels call the master. */
  readonly name: string;
  /** Of the connections to the sentinels: user, password, TLS, family. */
  readonly connection: RedisOptions;
  /** `host:port` as the sentinels know a server → where it is from here. */
  readonly natMap: NatMap | undefined;
  /** How long the master may take to answer, in ms. */
  readonly timeoutMs: number;
}

/** The share of the time for an answer that a sentinel may take: there is still time then to go where the others say. */
const PATIENCE = 1 / 3;
/** Whether all sentinels are still connected is looked at this often, in ms. */
const VERIFY_MS = 10_000;

/**
 * Who is the master, by all sentinels together: both connections of a backend go where this says, and leave when it says otherwise.
 *
 * One sentinel alone may be behind the others: cut off together with a master that the rest has replaced, it would lead its clients to that
 * one. So all are asked, and the greatest configuration epoch is believed, which is the order in which majorities of them decided. ioredis's own
 * connector takes the word of the first that answers.
 */
export class Sentinels {
  readonly #options: SentinelsOptions;
  readonly #sentinels: readonly Sentinel[];
  /** The last word of each. */
  readonly #claims = new Map<Sentinel, Claim>();
  readonly #moved = new Set<() => void>();
  #master: Address | undefined;
  #failure: unknown;
  #refused = 0;
  #round: Promise<void> | undefined;
  #askAgain = false;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: SentinelsOptions) {
    this.#options = options;
    const { addresses, connection, timeoutMs } = options;
    this.#sentinels = addresses.map((address) => new Sentinel(address, connection, timeoutMs * PATIENCE));
  }

  /** For people, without secrets. */
  get title(): string {
    return `${this.#options.name} of the sentinels ${this.#options.addresses.map(shown).join(', ')}`;
  }

  /** As far as is known by now, where it is from here. */
  get master(): Address | undefined {
    return this.#master;
  }

  /** Why no sentinel could tell, the last time that none could. */
  get failure(): unknown {
    return this.#failure;
  }

  /** Whether all of them, the last time that all were asked, said what no further question changes: a wrong password, or a name that they don't know. */
  get refuse(): boolean {
    return this.#refused === this.#sentinels.length;
  }

  /** Calls `listener` when another server has become the master. */
  onMoved(listener: () => void): void {
    this.#moved.add(listener);
  }

  /** Asks them; the answer is in {@link master}. Never rejects. */
  async locate(): Promise<void> {
    this.#watch();
    // What is under way may have begun before what made somebody ask.
    await this.#round;
    await this.#begin();
  }

  /** What each says now, or why it can't. */
  ask(): Promise<{ readonly address: Address; readonly claim: Claim | undefined; readonly error: unknown }[]> {
    return Promise.all(
      this.#sentinels.map(async (sentinel) => {
        const { address } = sentinel;
        return sentinel.ask(this.#options.name).then(
          (claim) => ({ address, claim, error: undefined }),
          (error: unknown) => ({ address, claim: undefined, error }),
        );
      }),
    );
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#timer);
    for (const sentinel of this.#sentinels) sentinel.close();
  }

  #watch(): void {
    if (this.#timer !== undefined || this.#closed) return;
    this.#timer = setInterval(() => {
      for (const sentinel of this.#sentinels) sentinel.verify();
    }, VERIFY_MS).unref();
    for (const sentinel of this.#sentinels) sentinel.watch(this.#options.name, () => this.#refresh());
  }

  #refresh(): void {
    if (this.#closed) return;
    if (this.#round === undefined) void this.#begin();
    else this.#askAgain = true;
  }

  #begin(): Promise<void> {
    this.#round ??= this.#ask().finally(() => {
      this.#round = undefined;
      if (!this.#askAgain) return;
      this.#askAgain = false;
      this.#refresh();
    });
    return this.#round;
  }

  /** Resolves once a majority has answered, or nobody else will. Those that are late are heard all the same. */
  #ask(): Promise<void> {
    const majority = Math.floor(this.#sentinels.length / 2) + 1;
    let heard = 0;
    this.#refused = 0;
    return new Promise((resolve) => {
      const asked = this.#sentinels.map(async (sentinel) => {
        try {
          this.#claims.set(sentinel, await sentinel.ask(this.#options.name));
          heard += 1;
          this.#conclude();
          if (heard === majority) resolve();
        } catch (error) {
          this.#failure = error;
          if (error instanceof UnknownMasterError || !isTransient(error)) this.#refused += 1;
        }
      });
      void Promise.all(asked).then(() => resolve());
    });
  }

  #conclude(): void {
    let newest: Claim | undefined;
    for (const claim of this.#claims.values()) if (newest === undefined || claim.epoch > newest.epoch) newest = claim;
    const master = newest === undefined ? undefined : this.#fromHere(newest.address);
    if (this.#closed || isSame(master, this.#master)) return;
    this.#master = master;
    for (const listener of this.#moved) listener();
  }

  #fromHere(address: Address): Address {
    return mapped(this.#options.natMap, shown(address)) ?? address;
  }
}
