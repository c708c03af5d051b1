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
    async enter(contender, url) {
      const client = await contender.open(url);
      const names = Array.from({ length: tasks }, freshName);
      return {
        name: contender.name,
        async measure() {
          const startedAt = performance.now();
          let done = 0;
          const work = names.map(async (name) => {
            while (performance.now() - startedAt < SLICE_MS) {
              const release = await client.acquire(name);
              await release();
              done += 1;
            }
          });
          await Promise.all(work);
          return (done * 1000) / (performance.now() - startedAt);
        },
        close: () => client.close(),
      };
    },
  };
}
