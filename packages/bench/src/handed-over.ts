import { setTimeout as sleep } from 'node:timers/promises';
import { nowMs } from './clock.ts';
import type { Client, Contender } from './contender.ts';
import { enterAll, lineOf } from './line.ts';
import { freshName } from './scenario.ts';
import { settled } from './settled.ts';

/** So many are measured in a slice: few enough that who polls comes to an end. */
const HAND_OVERS = 10;
const QUICK_HAND_OVERS = 2;
/** When it only has to be seen to work. */
const QUICK_WAITERS = 3;
/** Each holds for so long, in ms. */
export const HOLD_MS = 5;
/** What is done in a slice. */
export interface Relay {
  readonly waiters: number;
  readonly handOvers: number;
  /** Waiters stand in line, and it is known when they do. */
  readonly hasLine: boolean;
}

export function relayOf({ role }: Contender, waiters: number, quick: boolean): Relay {
  const hasLine = role === 'holdfast';
  return quick
    ? { waiters: Math.min(waiters, QUICK_WAITERS), handOvers: QUICK_HAND_OVERS, hasLine }
    : { waiters, handOvers: HAND_OVERS, hasLine };
}

/** The work of handing over, from the first release until enough have had the lock. */
export type Around = (work: () => Promise<unknown>) => Promise<unknown>;

/** Resolves with the times from before a release until the next one of `waiters` holds, in ms. */
export async function handedOver(
  clients: readonly Client[],
  relay: Relay,
  around: Around = (work) => work(),
): Promise<number[]> {
  const times: number[] = [];
  while (times.length < relay.handOvers) times.push(...(await onOneName(clients, relay, around)));
  return times;
}

async function onOneName(
  clients: readonly Client[],
  { waiters, handOvers, hasLine }: Relay,
  around: Around,
): Promise<number[]> {
  const name = freshName();
  const times: number[] = [];
  const wanted = Math.min(handOvers, waiters);
  let releasedAt = 0;
  let holders = 1;
  let enough = (): void => undefined;
  let letGo = (): void => undefined;
  let fail = (_error: Error): void => undefined;
  const measured = new Promise<void>((resolve) => (enough = resolve));
  // All the rest leave as fast as they can.
  const over = new Promise<void>((resolve) => (letGo = resolve));
  const wait = async (client: Client | undefined): Promise<void> => {
    const release = await client?.acquire(name);
    holders += 1;
    if (holders > 1) throw new Error('Two held the lock at once');
    if (times.length < wanted) times.push(nowMs() - releasedAt);
    if (times.length < wanted) await sleep(HOLD_MS);
    else enough();
    if (times.length >= wanted) await over;
    releasedAt = nowMs();
    holders -= 1;
    await release?.();
  };
  const release = await clients[0]?.acquire(name);
  const go = async (): Promise<void> => {
    if (holders === 0) return;
    releasedAt = nowMs();
    holders -= 1;
    await release?.();
  };
  const line = hasLine ? lineOf(name) : undefined;
  const waiting: Promise<void>[] = [];
  const failed = new Promise<never>((_resolve, reject) => (fail = reject));
  const enter = (place: number): void => {
    const waits = wait(clients[(place + 1) % clients.length]);
    waits.then(undefined, fail);
    waiting.push(waits);
  };
  try {
    await enterAll({ waiters, enter, count: line?.count, failed });
    await around(async () => {
      await go();
      await Promise.race([measured, failed]);
    });
  } finally {
    line?.stop();
    letGo();
    if (times.length === 0) await go();
    await settled(waiting);
  }
  return times;
}
