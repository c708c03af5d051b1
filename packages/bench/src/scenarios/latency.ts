import { nowMs } from '../clock.ts';
import { DEFAULT_TTL_MS } from '../contender.ts';
import type { Scenario } from '../scenario.ts';
import { freshName } from '../scenario.ts';
import { median } from '../stats.ts';

/** A slice ends with the first of these. */
const CYCLES = 1000;
const SLICE_MS = 500;

/** One task takes a free lock and gives it back, again and again. */
export const latency: Scenario = scenario('latency', 'Acquire and release of a free lock, one task', (name) => name);

/** As it is for whoever locks each of many things once: nothing is remembered of the name, on either side. */
export const latencyOfNewNames: Scenario = scenario(
  'latency-new-names',
  'Acquire and release of a free lock that nobody has used before, one task',
  freshName,
);

function scenario(id: string, title: string, nextName: (name: string) => string): Scenario {
  return {
    id,
    title,
    unit: 'µs, median of a slice',
    better: 'less',
    async enter(contender, { url, quick }) {
      const client = await contender.open(url, DEFAULT_TTL_MS);
      return {
        name: contender.name,
        async measure() {
          let name = freshName();
          const times: number[] = [];
          const until = nowMs() + (quick ? SLICE_MS / 10 : SLICE_MS);
          for (let at = nowMs(); times.length === 0 || (at < until && times.length < CYCLES);) {
            const release = await client.acquire(name);
            await release();
            const startedAt = at;
            at = nowMs();
            times.push((at - startedAt) * 1000);
            name = nextName(name);
          }
          return median(times);
        },
        close: () => client.close(),
      };
    },
  };
}
