import { setTimeout as sleep } from 'node:timers/promises';
import type { Client, Release } from '../contender.ts';
import { freshName } from '../scenario.ts';
import type { Scenario } from '../scenario.ts';
import { median } from '../stats.ts';

/** So many are handed over in a slice, and few enough that who polls comes to an end. */
const HAND_OVERS = 10;
/** Each waiter is in the queue by then, in ms. */
const SETTLE_MS = 100;

/**
 * So many waiters on one name, on two connections by turns. The time from before a release until the next one holds; the others go on
 * waiting.
 */
export function handOver(waiters: number): Scenario {
  return {
    id: `hand-over-${waiters}`,
    title: `From a release to the next holder, ${waiters} waiting`,
    unit: 'ms, median of a slice',
    better: 'less',
    async enter(contender, url) {
      if (contender.role === 'raw') {
        const notification = await contender.notification?.(url);
        if (notification === undefined) return undefined;
        const measure = async (): Promise<number> => {
          const times: number[] = [];
          for (let i = 0; i < HAND_OVERS; i += 1) times.push(await notification.once());
          return median(times);
        };
        return { name: 'notification', measure, close: () => notification.close() };
      }
      const clients = [await contender.open(url), await contender.open(url)];
      return {
        name: contender.name,
        measure: () => measured(clients, waiters),
        close: () => Promise.all(clients.map((client) => client.close())),
      };
    },
  };
}

async function measured(clients: readonly Client[], waiters: number): Promise<number> {
  const name = freshName();
  const times: number[] = [];
  let releasedAt = 0;
  const release: Release | undefined = await clients[0]?.acquire(name);
  const wait = async (client: Client | undefined): Promise<void> => {
    const next = await client?.acquire(name);
    if (times.length < HAND_OVERS) times.push(performance.now() - releasedAt);
    // Once all that count are measured, the rest leave as fast as they can.
    if (times.length < HAND_OVERS) await sleep(5);
    releasedAt = performance.now();
    await next?.();
  };
  const all = Promise.all(Array.from({ length: waiters }, (_, i) => wait(clients[(i + 1) % clients.length])));
  // It may fail before anybody awaits it.
  all.then(undefined, () => undefined);
  await sleep(SETTLE_MS);
  releasedAt = performance.now();
  await release?.();
  await all;
  return median(times);
}
