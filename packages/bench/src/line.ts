import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { setTimeout as sleep } from 'node:timers/promises';
import { nowMs } from './clock.ts';

const CHANNEL = 'holdfast:contended';
/** Whoever is not in line by then never will be, in ms. */
const PATIENCE_MS = 60_000;
const LOOK_MS = 10;
/** What follows being in line is over after that, in ms: a fixed time, and one for each. */
const SETTLE_MS = 100;
const SETTLE_EACH_MS = 1;

/** The requests of this process that wait for one name, as Holdfast itself tells. */
export interface Line {
  count(): number;
  stop(): void;
}

export function lineOf(name: string): Line {
  let waiting = 0;
  const count = (event: unknown): void => {
    if ((event as { readonly name: string }).name === name) waiting += 1;
  };
  subscribe(CHANNEL, count);
  return { count: () => waiting, stop: () => void unsubscribe(CHANNEL, count) };
}

/**
 * Until all stand in line: what they do to get there must not be measured. Peers have no line and tell nothing (`count` is `undefined`): they
 * have had time to try.
 */
export async function untilAllWait(waiters: number, count?: () => number | Promise<number>): Promise<void> {
  const startedAt = nowMs();
  while (count !== undefined && (await count()) < waiters) {
    if (nowMs() - startedAt > PATIENCE_MS) throw new Error(`Not all of ${waiters} waiters are in line`);
    await sleep(LOOK_MS);
  }
  await sleep(SETTLE_MS + waiters * SETTLE_EACH_MS);
}
