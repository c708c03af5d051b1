import { setTimeout as sleep } from 'node:timers/promises';
import { nowMs } from '../clock.ts';
import { freshName } from '../scenario.ts';
import type { Scenario } from '../scenario.ts';

/** The shortest that all backends and all peers have. */
const TTL_MS = 2000;
/** The waiter is in line by then, in ms. */
const SETTLE_MS = 300;
/** Spreads the deaths evenly between two renewals. */
const GOLDEN = 0.618;

/** A process that holds a lock is killed (SIGKILL), and another one waits for it. */
export const death: Scenario = {
  id: 'death',
  title: `From the SIGKILL of a holder to the next holder, with a ttl of ${TTL_MS} ms`,
  unit: 'ms',
  better: 'less',
  rounds: 5,
  base: ({ backend }) =>
    backend === 'memory'
      ? undefined
      : { name: 'the ttl', measure: () => Promise.resolve(TTL_MS), close: () => Promise.resolve() },
  async enter(contender, { backend, url, processes }) {
    if (contender.role === 'raw' || backend === 'memory') return undefined;
    const [waiter] = processes.take(1);
    if (waiter === undefined) return undefined;
    const opening = { backend, contender: contender.name, url, ttlMs: TTL_MS, clients: 1 };
    const handle = await waiter.ask('open', opening);
    let deaths = 0;
    return {
      name: contender.name,
      async measure() {
        const name = freshName();
        const holder = processes.start();
        await holder.ask('acquire', { handle: await holder.ask('open', opening), name });
        await waiter.ask('wait', { handle, name, waiters: 1, pauseMs: 0 });
        deaths += 1;
        await sleep(SETTLE_MS + ((deaths * GOLDEN) % 1) * (TTL_MS / 3));
        const killedAt = nowMs();
        await holder.kill();
        const [hold] = await waiter.ask('waited', { name });
        return (hold?.grantedAt ?? NaN) - killedAt;
      },
      close: () => waiter.ask('close', { handle }),
    };
  },
};
