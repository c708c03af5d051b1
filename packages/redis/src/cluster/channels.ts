import { setTimeout as delay } from 'node:timers/promises';
import { LocksClosedError, monotonicMs } from '@holdfast/core/adapter';
import type { Messages, ServersListener } from '../servers.ts';
import type { Address } from './address.ts';
import type { MessageLink, MessageLinks } from './message-links.ts';
import type { Shards } from './shards.ts';
import { slotOf } from './slot.ts';
import type { ShardedChannel, Subscriber } from './subscriber.ts';

/** The messages about one name. */
interface Channel extends ShardedChannel {
  readonly name: string;
  /** Where it is subscribed to, and the master of the slot. */
  at: Address | undefined;
  attempt: Promise<void> | undefined;
  usedAt: number;
}

export interface ChannelsOptions {
  readonly shards: Shards;
  readonly links: MessageLinks;
  readonly subscriber: Subscriber;
  readonly listener: ServersListener;
  /** The key whose slot the name is in. */
  readonly keyOf: (name: string) => string;
}

/** Between two tries to subscribe again, in ms. */
const RETRY_MS = 100;
/** Whoever holds for longer than this, in ms, subscribes to hear of a thief: most holds are shorter, and cost no message. */
const HEED_MS = 250;
/** A channel that nobody here needs is kept this long, in ms: a name that was waited for will often be again. */
const LINGER_MS = 10_000;

/**
 * Sharded publish and subscribe: a channel of this backend's own for each name that it waits for or holds, in the name's slot, at the master that
 * serves it. So the script knows by SPUBLISH's answer whether its message was received: there is nobody at any other node to receive it.
 */
export class Channels implements Messages {
  readonly #options: ChannelsOptions;
  readonly #byName = new Map<string, Channel>();
  readonly #byText = new Map<string, Channel>();
  readonly #lost = new Set<Channel>();
  #mending = false;
  #heeded = new Set<string>();
  #fresh = new Set<string>();
  #sweeping: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: ChannelsOptions) {
    this.#options = options;
  }

  /** Whether what the node says about `text`, a channel, is to be believed as it stands. */
  trusts(from: Address, text: string): boolean {
    return this.#byText.get(text)?.at === from;
  }

  get address(): string {
    return this.#options.subscriber.address;
  }

  ready(name: string): boolean {
    const channel = this.#byName.get(name);
    if (channel === undefined) return false;
    channel.usedAt = monotonicMs();
    return channel.at !== undefined;
  }

  open(name: string): Promise<void> {
    if (this.#closed) return Promise.reject(new LocksClosedError());
    if (this.ready(name)) return Promise.resolve();
    return this.#subscribe(this.#channelOf(name));
  }

  heed(name: string): void {
    if (this.#closed || this.ready(name)) return;
    if (this.#heeded.size === 0) setTimeout(() => this.#heed(), HEED_MS).unref();
    this.#heeded.add(name);
  }

  /** To subscribe again changes nothing where it is subscribed to; at any other node the answer is MOVED. */
  verify(name: string): void {
    const channel = this.#byName.get(name);
    if (channel?.at !== undefined) this.#subscribe(channel).then(undefined, () => undefined);
  }

  /** Slots may have moved: the node that served a slot before has dropped its channels. */
  follow(): void {
    const { slots } = this.#options.shards;
    for (const channel of this.#byName.values()) {
      if (channel.at !== undefined && slots.owner(channel.slot) !== channel.at) this.#lose(channel);
    }
  }

  /** The connection for messages to a node is gone, and all that it had subscribed to. */
  disconnected(address: Address): void {
    for (const channel of this.#byName.values()) if (channel.at === address) this.#lose(channel);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#sweeping);
    this.#options.subscriber.close();
  }

  #channelOf(name: string): Channel {
    let channel = this.#byName.get(name);
    if (channel === undefined) {
      const key = this.#options.keyOf(name);
      const text = `${key}:wake:${this.address}`;
      channel = { name, text, key, slot: slotOf(key), at: undefined, attempt: undefined, usedAt: monotonicMs() };
      this.#byName.set(name, channel);
      this.#byText.set(text, channel);
      this.#sweeping ??= setTimeout(() => this.#sweep(), LINGER_MS).unref();
    }
    return channel;
  }

  /** One at a time for each channel. Rejects with `BackendUnavailableError`. */
  #subscribe(channel: Channel): Promise<void> {
    return (channel.attempt ??= this.#options.subscriber
      .subscribe(channel)
      .then(
        (link) => this.#subscribed(channel, link),
        (error: unknown) => {
          this.#lose(channel);
          throw error;
        },
      )
      .finally(() => (channel.attempt = undefined)));
  }

  #subscribed(channel: Channel, { address, up }: MessageLink): void {
    const again = channel.at === address;
    // Lost again before this was told.
    if (!up) return this.#lose(channel);
    channel.at = address;
    this.#lost.delete(channel);
    if (again) return;
    // Together with all that are subscribed to in the same turn.
    if (this.#fresh.size === 0) queueMicrotask(() => this.#tell());
    this.#fresh.add(channel.name);
  }

  #tell(): void {
    const names = this.#fresh;
    this.#fresh = new Set();
    this.#options.listener.subscribed((name) => names.has(name));
  }

  #lose(channel: Channel): void {
    channel.at = undefined;
    if (this.#closed || this.#byName.get(channel.name) !== channel) return;
    this.#lost.add(channel);
    if (!this.#mending) void this.#mend();
  }

  /** Subscribes again to what is needed here, until it is. */
  async #mend(): Promise<void> {
    this.#mending = true;
    // What loses one channel loses others in the same turn.
    await Promise.resolve();
    while (this.#lost.size > 0 && !this.#closed) {
      const used = this.#options.listener.used();
      for (const channel of this.#lost) {
        if (used.has(channel.name)) continue;
        this.#lost.delete(channel);
        if (channel.attempt === undefined) this.#forget(channel);
      }
      await Promise.allSettled(Array.from(this.#lost, (channel) => this.#subscribe(channel)));
      if (this.#lost.size > 0) await delay(RETRY_MS, undefined, { ref: false });
    }
    this.#mending = false;
  }

  #forget(channel: Channel): void {
    this.#byName.delete(channel.name);
    this.#byText.delete(channel.text);
    this.#lost.delete(channel);
  }

  #heed(): void {
    const used = this.#options.listener.used();
    const names = this.#heeded;
    this.#heeded = new Set();
    for (const name of names) if (used.has(name)) this.open(name).then(undefined, () => undefined);
  }

  #sweep(): void {
    const { listener, links } = this.#options;
    const used = listener.used();
    const before = monotonicMs() - LINGER_MS;
    for (const channel of this.#byName.values()) {
      if (channel.usedAt > before || channel.attempt !== undefined || used.has(channel.name)) continue;
      this.#forget(channel);
      if (channel.at !== undefined) links.to(channel.at).unsubscribe(channel.text);
    }
    const busy = [...this.#byName.values()].some(({ attempt }) => attempt !== undefined);
    if (!busy) links.keep(new Set(Array.from(this.#byName.values(), ({ at }) => at)));
    this.#sweeping = this.#byName.size === 0 ? undefined : setTimeout(() => this.#sweep(), LINGER_MS).unref();
  }
}
