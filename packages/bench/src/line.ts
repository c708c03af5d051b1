import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { setTimeout as sleep } from 'node:timers/promises';
import { nowMs } from './clock.ts';

const CHANNEL = 'holdfast:contended';
/** So many come at once: a thousand at the same moment are another thing to measure. */
const GROUP = 50;
/** Where nobody tells who is in line, the next come after that, in ms. */
const PAUSE_MS = 20;
const LOOK_MS = 5;
/** Whoever is not in line by then never will be, in ms. */
const PATIENCE_MS = 60_000;
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

export interface Entering {
  readonly waiters: number;
  /** Lets one more wait, the one of that number. */
  readonly enter: (place: number) => unknown;
  /** How many are in line. Peers have none: `undefined`. */
  readonly count: (() => number | Promise<number>) | undefined;
  /** Rejects as soon as one of them failed. */
  readonly failed?: Promise<never>;
}

/** Resolves when all are in line: what they do to get there must not be measured. */
export async function enterAll({ waiters, enter, count, failed }: Entering): Promise<void> {
  const entering = async (): Promise<void> => {
    for (let place = 0; place < waiters; place += 1) {
      await enter(place);
      const entered = place + 1;
      if (entered % GROUP === 0 || entered === waiters) await inLine(entered, count);
    }
    await sleep(SETTLE_MS + waiters * SETTLE_EACH_MS);
  };
  await Promise.race(failed === undefined ? [entering()] : [entering(), failed]);
}

async function inLine(waiters: number, count: Entering['count']): Promise<void> {
  const startedAt = nowMs();
  if (count === undefined) await sleep(PAUSE_MS);
  while (count !== undefined && (await count()) < waiters) {
    if (nowMs() - startedAt > PATIENCE_MS) throw new Error(`Not all of ${waiters} waiters are in line`);
    await sleep(LOOK_MS);
  }
}
