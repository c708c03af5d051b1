import { nextExpiry } from '@holdfast/core/adapter';
import type { QueueState } from '@holdfast/core/adapter';
import { sessionOf } from './log/record.ts';

/** What a process must look out for while requests of its own wait in a queue. */
export interface Vigil {
  /** Whose end would move the queue on for it. */
  readonly sessions: ReadonlySet<string>;
  /** When to look whether a holder's time is up, by the host's clock, in ms. */
  readonly at: number;
}

/** The first waiter claims an expired hold at once, the next ones so much later each, in case those ahead are frozen; in ms. */
const STAGGER_MS = 10;
const MAX_STAGGER_MS = 80;

/**
 * Each waiter watches the process of the entry just ahead of it, and the first one those of all holders: whoever dies, exactly
 * those who are next learn of it, and no crowd. `undefined` if no request of `own` waits.
 */
export function vigil(queue: QueueState, own: string): Vigil | undefined {
  const { entries } = queue;
  const sessions = new Set<string>();
  const first = entries.findIndex((entry) => entry.token === undefined);
  if (first < 0) return undefined;
  let place = -1;
  for (let i = first; i < entries.length; i += 1) {
    const entry = entries[i];
    if (entry === undefined || sessionOf(entry.owner) !== own) continue;
    if (place < 0) place = i - first;
    for (const ahead of entries.slice(i === first ? 0 : i - 1, i)) sessions.add(sessionOf(ahead.owner));
  }
  if (place < 0) return undefined;
  sessions.delete(own);
  return { sessions, at: nextExpiry(queue) + Math.min(place * STAGGER_MS, MAX_STAGGER_MS) };
}
