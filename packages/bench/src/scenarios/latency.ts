import type { Scenario } from '../scenario.ts';
import { freshName } from '../scenario.ts';
import { median } from '../stats.ts';

const CYCLES = 1000;

/** One task takes a free lock and gives it back, again and again. */
export const latency: Scenario = {
  id: 'latency',
  title: 'Acquire and release of a free lock, one task',
  unit: 'µs, median of a slice',
  better: 'less',
  async enter(contender, url) {
    const client = await contender.open(url);
    return {
      name: contender.name,
      async measure() {
        const name = freshName();
        const times: number[] = [];
        for (let cycle = 0; cycle < CYCLES; cycle += 1) {
          const startedAt = performance.now();
          const release = await client.acquire(name);
          await release();
          times.push((performance.now() - startedAt) * 1000);
        }
        return median(times);
      },
      close: () => client.close(),
    };
  },
};
