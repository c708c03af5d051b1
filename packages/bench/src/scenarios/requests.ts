import { DEFAULT_TTL_MS } from '../contender.ts';
import { freshName } from '../scenario.ts';
import type { Scenario } from '../scenario.ts';

const CYCLES = 100;

/** What one task's acquire and release of a free lock come to at the server. */
export const requests: Scenario = {
  id: 'requests',
  title: 'Requests that reach the server for an acquire and a release',
  unit: 'requests, mean of a slice',
  better: 'less',
  rounds: 3,
  async enter(contender, { url, quick, counter }) {
    if (counter === undefined) return undefined;
    const client = await contender.open(url, DEFAULT_TTL_MS);
    const cycles = quick ? CYCLES / 10 : CYCLES;
    return {
      name: contender.name,
      async measure() {
        const name = freshName();
        const cycle = async (): Promise<unknown> => (await client.acquire(name))();
        // What is sent once (scripts, statements to prepare) is not what each lock costs.
        await cycle();
        const counted = await counter.during(async () => {
          for (let done = 0; done < cycles; done += 1) await cycle();
        });
        return counted / cycles;
      },
      close: () => client.close(),
    };
  },
};
