import { nowMs } from '../clock.ts';
import { DEFAULT_TTL_MS } from '../contender.ts';
import type { Client } from '../contender.ts';
import { settled } from '../settled.ts';
import { freshName } from '../scenario.ts';
import type { Scenario } from '../scenario.ts';

const SLICE_MS = 400;

/** So many tasks of one process, each with a lock of its own. */
export function throughput(tasks: number): Scenario {
  return {
    id: `throughput-${tasks}`,
    title: `Acquire and release of ${tasks} different locks by ${tasks} tasks of one process`,
    unit: 'per second',
    better: 'more',
    async enter(contender, { url, quick }) {
      const client = await contender.open(url, DEFAULT_TTL_MS);
      const names = Array.from({ length: tasks }, freshName);
      return {
        name: contender.name,
        measure: () => perSecond(client, names, quick ? SLICE_MS / 10 : SLICE_MS),
        close: () => client.close(),
      };
    },
  };
}

async function perSecond(client: Client, names: readonly string[], sliceMs: number): Promise<number> {
  const startedAt = nowMs();
  let done = 0;
  const work = names.map(async (name) => {
    while (nowMs() - startedAt < sliceMs) {
      const release = await client.acquire(name);
      await release();
      done += 1;
    }
  });
  await settled(work);
  return (done * 1000) / (nowMs() - startedAt);
}
