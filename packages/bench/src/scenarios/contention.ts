import type { Arena } from '../arena.ts';
import { nowMs } from '../clock.ts';
import { contend, deviation } from '../contend.ts';
import type { Contest } from '../contend.ts';
import { DEFAULT_TTL_MS } from '../contender.ts';
import type { Contender } from '../contender.ts';
import type { Entrant } from '../interleave.ts';
import { freshName } from '../scenario.ts';
import type { Scenario } from '../scenario.ts';
import { settled } from '../settled.ts';

const CLIENTS = 20;
const SLICE_MS = 1000;
/** All have heard of it by then, in ms. */
const START_MS = 50;

/** All want one lock all the time, each on connections of its own. */
export const contention: Scenario = {
  id: `contention-${CLIENTS}`,
  title: `Acquisitions of one lock by ${CLIENTS} clients at once`,
  unit: 'per second',
  better: 'more',
  async enter(contender, { url, quick }) {
    const clients = await Promise.all(Array.from({ length: CLIENTS }, () => contender.open(url, DEFAULT_TTL_MS)));
    return contest(contender, quick, {
      run: (asked) => contend(clients, asked),
      close: () => Promise.all(clients.map((client) => client.close())),
    });
  },
};

const PROCESSES = 4;

/** The same, in several processes. */
export const contentionOfProcesses: Scenario = {
  id: `contention-processes-${CLIENTS}`,
  title: `Acquisitions of one lock by ${CLIENTS} clients at once, in ${PROCESSES} processes`,
  unit: 'per second',
  better: 'more',
  async enter(contender: Contender, { backend, url, quick, processes }: Arena) {
    if (backend === 'memory') return undefined;
    const opening = { backend, contender: contender.name, url, ttlMs: DEFAULT_TTL_MS, clients: CLIENTS / PROCESSES };
    const members = await Promise.all(
      processes.take(PROCESSES).map(async (process) => ({ process, handle: await process.ask('open', opening) })),
    );
    return contest(contender, quick, {
      run: async (asked) =>
        (
          await settled(members.map(({ process, handle }) => process.ask('contend', { handle, contest: asked })))
        ).flat(),
      close: () => Promise.all(members.map(({ process, handle }) => process.ask('close', { handle }))),
    });
  },
};

interface Field {
  /** Resolves with what each client got. */
  run(contest: Contest): Promise<readonly number[]>;
  close(): Promise<unknown>;
}

function contest({ name, role }: Contender, quick: boolean, field: Field): Entrant {
  const totals = Array.from({ length: CLIENTS }, () => 0);
  const sliceMs = quick ? SLICE_MS / 10 : SLICE_MS;
  return {
    name,
    async measure() {
      const from = nowMs() + START_MS;
      // What is no lock excludes nobody.
      const wanted = role === 'raw' ? undefined : freshName();
      const counts = await field.run({ name: wanted, from, until: from + sliceMs });
      for (const [client, count] of counts.entries()) totals[client] = (totals[client] ?? 0) + count;
      return (counts.reduce((sum, count) => sum + count, 0) * 1000) / sliceMs;
    },
    also: () => ({ 'greatest deviation of a client from the mean, %': deviation(totals) }),
    close: () => field.close(),
  };
}
