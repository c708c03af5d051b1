import { setTimeout as delay } from 'node:timers/promises';
import { LocksClosedError, monotonicMs } from '@holdfast/core/adapter';
import { RedisUnavailableError } from '../errors.ts';
import { reach } from '../scripts/reach.ts';
import type { Runner } from '../servers.ts';
import type { MessageLink, MessageLinks } from './message-links.ts';
import { isPassing, redirectionOf } from './redirection.ts';
import type { Shard } from './shard.ts';
import type { Shards } from './shards.ts';

export interface SubscriberOptions {
  readonly shards: Shards;
  readonly runner: Runner;
  readonly links: MessageLinks;
  readonly timeoutMs: number;
}

/** A channel as the servers have it. */
export interface ShardedChannel {
  readonly text: string;
  /** LOCK of the name that its messages are about. */
  readonly key: string;
  readonly slot: number;
}

/** After so many answers "elsewhere" nobody knows where. */
const MAX_HOPS = 16;
/** Between two tries while the slot is on its way or its master is being replaced, in ms. */
const PAUSE_MS = 100;

/** Subscribes to channels at the masters of their slots, and nowhere else. */
export class Subscriber {
  /** By which the scripts name this backend. */
  readonly address: string;
  readonly #options: SubscriberOptions;
  #closed = false;

  constructor(address: string, options: SubscriberOptions) {
    this.address = address;
    this.#options = options;
  }

  /** Resolves to the connection over which its messages come from now on. Rejects with `BackendUnavailableError`. */
  async subscribe(channel: ShardedChannel): Promise<MessageLink> {
    const { shards, links, timeoutMs } = this.#options;
    const until = monotonicMs() + timeoutMs;
    let shard = shards.owner(channel.slot) ?? (await shards.find(channel.slot));
    for (let hops = 0; ;) {
      if (this.#closed) throw new LocksClosedError();
      const link = links.to(shard.address);
      try {
        await link.subscribe(channel.text);
        const isHeard = await this.#isHeard(channel, shard);
        // By the time that the answer is here, the slot may have moved on, and the node have dropped the channel.
        if (isHeard && shards.slots.owner(channel.slot) === shard.address) return link;
      } catch (error) {
        const redirection = redirectionOf(error, shard.address);
        if (redirection !== undefined && hops < MAX_HOPS) {
          hops += 1;
          shard = shards.move(channel.slot, redirection.to);
          continue;
        }
        if (!isPassing(error)) throw error instanceof RedisUnavailableError ? error : link.fault(error);
      }
      if (monotonicMs() + PAUSE_MS > until) throw unheard(shard);
      await delay(PAUSE_MS, undefined, { ref: false });
      shard = await shards.find(channel.slot, shard);
    }
  }

  close(): void {
    this.#closed = true;
    this.#options.links.close();
  }

  /**
   * A replica takes subscriptions, too, and gets what its master publishes; but the master counts its own subscribers alone: it passes over
   * who is subscribed to elsewhere, and the message "granted" reaches that one all the same. So it is the master that is asked.
   * From then on a node that ceases to be the slot's master drops the channel itself.
   */
  async #isHeard({ key }: ShardedChannel, { clock }: Shard): Promise<boolean> {
    const call = this.#options.runner.start(reach, { keys: [key], args: [this.address] });
    const count = Number(await call.reply);
    return count > 0 && call.clock === clock;
  }
}

function unheard({ link }: Shard): RedisUnavailableError {
  return new RedisUnavailableError(
    `Redis at ${link.server} does not hear of a subscription there: its slot is on the way, or it is no master any more`,
    true,
  );
}
