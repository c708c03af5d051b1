import { setTimeout as sleep } from 'node:timers/promises';
import type { Arena } from './arena.ts';
import { nowMs } from './clock.ts';
import type { Contender } from './contender.ts';
import type { Counter } from './counters/counter.ts';
import { relayOf } from './handed-over.ts';
import type { Entrant } from './interleave.ts';
import { median } from './stats.ts';

/** The other side listens after that, in ms. */
export const LISTENING_MS = 20;
/** Counting takes its time. */
const COUNTED = 3;

/** What the backend itself takes to tell another connection of a change: what all hand-overs are ratios to. */
export function notified(contender: Contender, { url, quick }: Arena): Promise<Entrant | undefined> {
  const { handOvers } = relayOf(contender, 1, quick);
  return entrant(contender, url, async (notify) => {
    const times: number[] = [];
    for (let i = 0; i < handOvers; i += 1) times.push(await notify());
    return median(times);
  });
}

/** What that comes to at the server. */
export function notifications(contender: Contender, url: string, counter: Counter): Promise<Entrant | undefined> {
  return entrant(contender, url, async (notify) => {
    let counted = 0;
    for (let i = 0; i < COUNTED; i += 1) await notify(async (send) => (counted += await counter.during(send)));
    return counted / COUNTED;
  });
}

type Notify = (around?: (send: () => Promise<unknown>) => Promise<unknown>) => Promise<number>;

async function entrant(
  { notification }: Contender,
  url: string,
  measure: (notify: Notify) => Promise<number>,
): Promise<Entrant | undefined> {
  if (notification === undefined) return undefined;
  const [sender, receiver] = await Promise.all([notification.sender(url), notification.receiver(url)]);
  const notify: Notify = async (around = (send) => send()) => {
    await sender.arm();
    const { heard } = await receiver.listen();
    await sleep(LISTENING_MS);
    const startedAt = nowMs();
    await around(() => Promise.all([sender.send(), heard]));
    const took = (await heard) - startedAt;
    await receiver.rest?.();
    return took;
  };
  return {
    name: 'notification',
    measure: () => measure(notify),
    close: () => Promise.all([sender.close(), receiver.close()]),
  };
}
