import { nowMs } from '../clock.ts';
import { DEFAULT_TTL_MS } from '../contender.ts';
import type { Scenario } from '../scenario.ts';
import { freshName } from '../scenario.ts';
import { median } from '../stats.ts';

/** A slice ends with the first of these. */
const CYCLES = 1000;
const SLICE_MS = 500;

/** One task takes a free lock and gives it back, again and again. */
export const latency: Scenario = {
  id: 'latency',
  title: 'Acquire and release of a free lock, one task',
  unit: 'µs, median of a slice',
  better: 'less',
  async enter(contender, { url, quick }) {
    const client = await contender.open(url, DEFAULT_TTL_MS);
    return {
      name: contender.name,
      async measure() {
        const name = freshName();
        const times: number[] = [];
        const until = nowMs() + (quick ? SLICE_MS / 10 : SLICE_MS);
        for (let at = nowMs(); times.length === 0 || (at < until && times.length < CYCLES);) {
          const release = await client.acquire(name);
          await release();
          const startedAt = at;
          at = nowMs();
          times.push((at - startedAt) * 1000);
        }
        return median(times);
      },
      close: () => client.close(),
    };
  },
};
