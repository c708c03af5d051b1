import { setTimeout as delay } from 'node:timers/promises';
import { monotonicMs, Patience } from '@holdfast/core/adapter';
import { IndirectCall } from '../call.ts';
import type { Call } from '../call.ts';
import type { Invocation } from '../commands.ts';
import { errorCode, isTransient, RedisUnavailableError, timedOut } from '../errors.ts';
import type { Script } from '../scripts/script.ts';
import { ServerClock } from '../server-clock.ts';
import type { Runner } from '../servers.ts';
import { isPassing, redirectionOf } from './redirection.ts';
import type { Shard } from './shard.ts';
import type { Shards } from './shards.ts';
import { slotOf } from './slot.ts';

/** A script's way through the cluster. */
interface Trip {
  /** Of the node that answered. */
  clock: ServerClock;
  /** Settles when nothing will come any more of what was sent last; what was sent before has been answered. */
  last: Promise<unknown>;
}

/** After so many answers "elsewhere" nobody knows where. */
const MAX_HOPS = 16;
/** Between two tries while keys are on their way or a master is being replaced, in ms. */
const PAUSE_MS = 50;
/** So many scripts go to a node in one write; it serves other clients in between. */
const CHUNK = 250;

/** Runs each script on the master that serves its keys' slot, and follows the slot when it moves. */
export class ClusterRunner implements Runner {
  readonly #shards: Shards;
  readonly #timeoutMs: number;
  readonly #patience: Patience;

  /** `server`: what errors call the cluster. */
  constructor(shards: Shards, server: string, timeoutMs: number) {
    this.#shards = shards;
    this.#timeoutMs = timeoutMs;
    this.#patience = new Patience(timeoutMs, () => timedOut(server, timeoutMs));
  }

  start(script: Script, invocation: Invocation): Call {
    const trip: Trip = { clock: nowhere, last: Promise.resolve() };
    const travel = this.#travel(script, invocation, trip);
    const work = travel.then(ignore, ignore).then(() => trip.last);
    return new IndirectCall(work, this.#patience.bound(travel), trip);
  }

  run(script: Script, invocation: Invocation): Promise<unknown> {
    return this.start(script, invocation).reply.then(undefined, (error: unknown) => {
      if (!isTransient(error)) throw error;
      return this.start(script, invocation).reply;
    });
  }

  async runAll(script: Script, invocations: readonly Invocation[]): Promise<unknown[]> {
    const results: unknown[] = [];
    const size = CHUNK * Math.max(1, this.#shards.slots.masters.size);
    for (let at = 0; at < invocations.length; at += size) {
      const replies = invocations
        .slice(at, at + size)
        .map((invocation) => this.start(script, invocation).reply.then(undefined, (error: unknown) => error));
      results.push(...(await Promise.all(replies)));
    }
    return results;
  }

  async #travel(script: Script, { keys, args }: Invocation, trip: Trip): Promise<unknown> {
    const slot = slotOf(keys[0] ?? '');
    const until = monotonicMs() + this.#timeoutMs;
    // Without a turn of the event loop where it is known: scripts run in the order in which they are asked for.
    let shard = this.#shards.owner(slot) ?? (await this.#shards.find(slot));
    let asking = false;
    let known = true;
    for (let hops = 0; ;) {
      const sent = known ? shard.evalsha(script, keys, args, asking) : shard.eval(script, keys, args, asking);
      trip.last = sent.then(ignore, ignore);
      try {
        const reply = await shard.bounded(sent);
        trip.clock = shard.clock;
        return reply;
      } catch (error) {
        // A node that gets its first slots does not know the script yet.
        if (known && errorCode(error) === 'NOSCRIPT') {
          known = false;
          continue;
        }
        known = true;
        const redirection = redirectionOf(error, shard.address);
        if (redirection !== undefined && hops < MAX_HOPS) {
          hops += 1;
          asking = redirection.kind === 'ASK';
          shard = asking ? this.#shards.at(redirection.to) : this.#shards.move(slot, redirection.to);
        } else if (isPassing(error) && monotonicMs() + PAUSE_MS < until) {
          asking = false;
          shard = await this.#later(slot, shard, error);
        } else throw fault(shard, error);
      }
    }
  }

  async #later(slot: number, shard: Shard, error: unknown): Promise<Shard> {
    await delay(PAUSE_MS, undefined, { ref: false });
    if (errorCode(error) === 'CLUSTERDOWN') return await this.#shards.find(slot, shard);
    return this.#shards.owner(slot) ?? (await this.#shards.find(slot));
  }
}

function fault(shard: Shard, error: unknown): RedisUnavailableError {
  return error instanceof RedisUnavailableError ? error : shard.link.fault(error);
}

/** Whose clock an unanswered script has: nobody's. */
const nowhere = new ServerClock();

function ignore(): void {}
