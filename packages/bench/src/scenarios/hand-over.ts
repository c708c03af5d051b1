import { DEFAULT_TTL_MS } from '../contender.ts';
import { handedOver, relayOf } from '../handed-over.ts';
import { notifications, notified } from '../notified.ts';
import type { Scenario } from '../scenario.ts';
import { median } from '../stats.ts';

/** Of waiters, from which on it takes long until all that poll have had the lock. */
const MANY = 100;
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
    ...(waiters < MANY ? {} : { rounds: 5 }),
    async enter(contender, arena) {
      const { url, quick } = arena;
      if (contender.role === 'raw') return await notified(contender, arena);
      const clients = await Promise.all([
        contender.open(url, DEFAULT_TTL_MS),
        contender.open(url, DEFAULT_TTL_MS),
      ] as const);
      return {
        name: contender.name,
        measure: async () => median(await handedOver(clients, relayOf(contender, waiters, quick))),
        close: () => Promise.all(clients.map((client) => client.close())),
      };
    },
  };
}

/** The same, but what it comes to at the server: it must not grow with the number of those who wait. */
export function requestsOfHandOver(waiters: number): Scenario {
  return {
    id: `requests-hand-over-${waiters}`,
    title: `Requests that reach the server for a hand-over, ${waiters} waiting`,
    unit: 'requests, mean of a slice',
    better: 'less',
    rounds: 3,
    async enter(contender, { url, quick, counter }) {
      if (counter === undefined) return undefined;
      if (contender.role === 'raw') return await notifications(contender, url, counter);
      const clients = await Promise.all([
        contender.open(url, DEFAULT_TTL_MS),
        contender.open(url, DEFAULT_TTL_MS),
      ] as const);
      return {
        name: contender.name,
        async measure() {
          let counted = 0;
          const times = await handedOver(clients, relayOf(contender, waiters, quick), async (work) => {
            counted += await counter.during(work);
          });
          return counted / times.length;
        },
        close: () => Promise.all(clients.map((client) => client.close())),
      };
    },
  };
}
