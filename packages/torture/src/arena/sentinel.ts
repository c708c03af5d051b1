import { startHosts, startRedisSentinel } from '@holdfast/testbed';
import type { RedisSentinel, RunningServer } from '@holdfast/testbed';
import { setTimeout as sleep } from 'node:timers/promises';
import { processHost } from '../crew/process-host.ts';
import type { FailoverCause } from '../nemesis/schedule.ts';
import type { Arena, Failovers } from './arena.ts';
import { Members } from './members.ts';

const SIZE = 3;
/** How long a request waits for the next master: longer than a failover takes. */
const TIMEOUT = '10s';
/** In ms. */
const LOOK_EVERY_MS = 50;

/** How many replicas must have a grant before it counts. */
export const sentinelArenas: Readonly<Record<string, number>> = {
  'redis-sentinel': 0,
  'redis-sentinel-one': 1,
  'redis-sentinel-all': SIZE - 1,
};

/** A Redis master with two replicas, each with a sentinel on its host, in network namespaces; clients stay on this machine, and reach all of them. */
export async function sentinelArena(name: string, replicas: number): Promise<Arena> {
  const network = await startHosts(SIZE);
  const set = await startRedisSentinel({ hosts: network.hosts }).catch(async (error: unknown) => {
    await network[Symbol.asyncDispose]();
    throw error;
  });
  return {
    url: `${set.url}?timeout=${TIMEOUT}&replicas=${replicas}`,
    version: `${name} ${set.members[0]?.version}, ${SIZE} servers and sentinels`,
    host: processHost,
    members: new Members(set, network, async () => {
      const master = await set.master();
      return master === undefined ? undefined : set.members.indexOf(master);
    }),
    failovers: new SentinelFailovers(set, Math.max(replicas, 1)),
    // With fewer than all, the one that takes over may be one without the grant.
    forgets: replicas < SIZE - 1,
    network: false,
    async [Symbol.asyncDispose]() {
      await set[Symbol.asyncDispose]();
      await network[Symbol.asyncDispose]();
    },
  };
}

class SentinelFailovers implements Failovers {
  readonly #set: RedisSentinel;
  readonly #replicas: number;
  #repair: () => Promise<void> = () => Promise.resolve();

  /** `replicas`: so many must be there for clients to get locks, and for the next failover to come to an end. */
  constructor(set: RedisSentinel, replicas: number) {
    this.#set = set;
    this.#replicas = replicas;
  }

  async begin(how: FailoverCause): Promise<void> {
    const master = await this.#set.master();
    if (master === undefined) throw new Error('No sentinel answers');
    this.#repair = () => Promise.resolve();
    if (how === 'ask') return this.#set.failover();
    if (how === 'kill') {
      await master.kill();
      this.#repair = () => master.restart();
    } else {
      await master.pause();
      this.#repair = () => master.resume();
    }
    await this.#untilReplaced(master);
  }

  async end(): Promise<void> {
    await this.#repair();
    await this.#set.whole(this.#replicas);
  }

  async #untilReplaced(old: RunningServer): Promise<void> {
    for (;;) {
      const master = await this.#set.master();
      if (master !== undefined && master !== old) return;
      await sleep(LOOK_EVERY_MS);
    }
  }
}
