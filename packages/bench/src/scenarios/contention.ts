import type { Client } from '../contender.ts';
import { freshName } from '../scenario.ts';
import type { Scenario } from '../scenario.ts';

const CLIENTS = 20;
const SLICE_MS = 1000;

/** All want one lock all the time, each on connections of its own. */
export const contention: Scenario = {
  id: 'contention',
  title: `Acquisitions of one lock by ${CLIENTS} clients at once`,
  unit: 'per second',
  better: 'more',
  async enter(contender, url) {
    const clients = await Promise.all(Array.from({ length: CLIENTS }, () => contender.open(url)));
    return {
      name: contender.name,
      // What is no lock excludes nobody.
      measure: () => contend(clients, contender.role === 'raw' ? freshName : named(freshName())),
      close: () => Promise.all(clients.map((client) => client.close())),
    };
  },
};

function named(name: string): () => string {
  return () => name;
}

async function contend(clients: readonly Client[], nameOf: () => string): Promise<number> {
  const startedAt = performance.now();
  let held = 0;
  await Promise.all(
    clients.map(async (client) => {
      const name = nameOf();
      while (performance.now() - startedAt < SLICE_MS) {
        const release = await client.acquire(name);
        held += 1;
        await release();
      }
    }),
  );
  return (held * 1000) / (performance.now() - startedAt);
}
