import { randomInt } from 'node:crypto';
import { RedisUnavailableError } from '../errors.ts';
import type { Link } from '../link.ts';
import type { Address } from './address.ts';
import { firstAnswer } from './first-answer.ts';
import { Shard } from './shard.ts';
import { SlotMap } from './slot-map.ts';

export interface ShardsOptions {
  /** Where to ask first who is in the cluster. */
  readonly seeds: readonly Address[];
  readonly connect: (address: Address) => Link;
  readonly timeoutMs: number;
}

export interface ShardsListener {
  /** A connection for commands is up, perhaps again. */
  up(shard: Shard): void;
  /** Slots have moved. */
  moved(): void;
}

/** Whom to ask before and after all others. */
interface Order {
  readonly first?: Shard | undefined;
  readonly last?: Shard | undefined;
}

/** While a master is away and nobody has taken over, the others are asked this often, in ms. */
const DOUBT_MS = 250;
/** If a node has not said in this time who serves what, in ms, the next one is asked as well. */
const HEDGE_MS = 300;
/** A node that serves nothing is disconnected when it has not been used for so long, in ms. */
const IDLE_MS = 30_000;

/** The masters of a cluster, and which of them serves which slot. */
export class Shards {
  readonly slots: SlotMap = new SlotMap();
  readonly #options: ShardsOptions;
  readonly #listener: ShardsListener;
  readonly #byAddress = new Map<Address, Shard>();
  /** Masters whose connection is lost: another may have taken over. */
  readonly #doubted = new Set<Shard>();
  #refreshing: Promise<void> | undefined;
  #again: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #tidying: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: ShardsOptions, listener: ShardsListener) {
    this.#options = options;
    this.#listener = listener;
  }

  /** Who serves the slot, if there is no doubt about it. */
  owner(slot: number): Shard | undefined {
    const address = this.slots.owner(slot);
    if (address === undefined) return undefined;
    const shard = this.at(address);
    return this.#doubted.has(shard) ? undefined : shard;
  }

  /**
   * Who serves the slot by what the cluster says now. `distrusted`: a node whose word counts least, because it is cut off from the others.
   * Rejects with `BackendUnavailableError` if nobody can be asked, or nobody does.
   */
  async find(slot: number, distrusted?: Shard): Promise<Shard> {
    try {
      await (this.#refreshing ?? this.refresh({ last: distrusted }));
    } catch (error) {
      // What was known is more than nothing: only the node in question may be within reach.
      if (!this.slots.known) throw error;
    }
    const address = this.slots.owner(slot);
    if (address === undefined)
      throw new RedisUnavailableError(`No node of the Redis cluster serves slot ${slot}`, true);
    return this.at(address);
  }

  at(address: Address): Shard {
    const known = this.#byAddress.get(address);
    if (known !== undefined) return known;
    const { connect, timeoutMs } = this.#options;
    const shard = new Shard(address, connect(address), timeoutMs);
    this.#byAddress.set(address, shard);
    shard.link.on('ready', () => {
      this.#doubted.delete(shard);
      this.#listener.up(shard);
    });
    shard.link.on('close', () => this.#doubt(shard));
    if (this.#closed) shard.link.close();
    return shard;
  }

  /** By the word of a node that no longer serves it. */
  move(slot: number, to: Address): Shard {
    const shard = this.at(to);
    if (this.slots.owner(slot) === to) return shard;
    this.slots.move(slot, to);
    this.#listener.moved();
    // Where one slot went, others may have gone; the new owner knows.
    this.refresh({ first: shard }).then(ignore, ignore);
    return shard;
  }

  /** Each master. Rejects with `BackendUnavailableError`. */
  async masters(): Promise<Shard[]> {
    if (!this.slots.known) await (this.#refreshing ?? this.refresh());
    return [...this.slots.masters].map((address) => this.at(address));
  }

  /** Asks who serves what. What is answered was asked after this call. */
  refresh(order: Order = {}): Promise<void> {
    if (this.#refreshing === undefined) {
      this.#refreshing = this.#refresh(order).finally(() => (this.#refreshing = undefined));
      return this.#refreshing;
    }
    this.#again ??= this.#refreshing.then(ignore, ignore).then(() => {
      this.#again = undefined;
      return this.refresh(order);
    });
    return this.#again;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#tidying);
    for (const { link } of this.#byAddress.values()) link.close();
  }

  async #refresh(order: Order): Promise<void> {
    const { answer, from } = await firstAnswer(this.#candidates(order), HEDGE_MS, slotsBy);
    if (this.#closed) return;
    this.slots.read(answer, from.address);
    this.#tidy();
    this.#listener.moved();
  }

  /** Those that are connected, then all that were ever heard of, each group in any order. */
  #candidates({ first, last }: Order): Set<Shard> {
    const connected = shuffled([...this.#byAddress.values()].filter(({ link }) => link.client.status === 'ready'));
    const heardOf = shuffled([...this.slots.masters, ...this.slots.replicas, ...this.#options.seeds]);
    const candidates = new Set([...(first ? [first] : []), ...connected, ...heardOf.map((each) => this.at(each))]);
    if (last !== undefined && candidates.delete(last)) candidates.add(last);
    return candidates;
  }

  /** Its connection is gone. */
  #doubt(shard: Shard): void {
    if (this.#closed || !this.slots.masters.has(shard.address)) return;
    this.#doubted.add(shard);
    if (this.#timer === undefined) this.#ask();
  }

  /** Until all are back, or others have taken over. */
  #ask(): void {
    this.refresh()
      .then(ignore, ignore)
      .finally(() => {
        clearTimeout(this.#timer);
        this.#timer = undefined;
        if (this.#closed || this.#doubted.size === 0) return;
        this.#timer = setTimeout(() => this.#ask(), DOUBT_MS).unref();
      });
  }

  #tidy(): void {
    for (const shard of this.#doubted) if (!this.slots.masters.has(shard.address)) this.#doubted.delete(shard);
    for (const [address, shard] of this.#byAddress) {
      if (this.slots.masters.has(address) || shard.idleMs < IDLE_MS) continue;
      this.#byAddress.delete(address);
      shard.link.close();
    }
    clearTimeout(this.#tidying);
    if (this.#byAddress.size <= this.slots.masters.size) return;
    this.#tidying = setTimeout(() => this.#tidy(), IDLE_MS).unref();
  }
}

async function slotsBy(shard: Shard): Promise<unknown> {
  try {
    return await shard.bounded(shard.link.open().call('CLUSTER', 'SLOTS'));
  } catch (error) {
    throw shard.link.fault(error);
  }
}

/** So that no node is asked first by all clients. */
function shuffled<T>(items: T[]): T[] {
  for (let i = items.length - 1; i > 0; i -= 1) {
    const j = randomInt(i + 1);
    [items[i], items[j]] = [items[j] as T, items[i] as T];
  }
  return items;
}

function ignore(): void {}
