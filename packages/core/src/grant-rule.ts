import type { RequestMode } from './contract.ts';

export interface Place {
  readonly mode: RequestMode;
  /** Of a semaphore. */
  readonly permits?: number | undefined;
}

/**
 * How many requests at the front of a queue hold the lock.
 *
 * | mode | holds when |
 * |---|---|
 * | exclusive | nobody is ahead |
 * | shared | only shared requests are ahead |
 * | semaphore of n permits | only semaphore requests are ahead, fewer than n of them |
 *
 * and everybody ahead holds too: the first that must wait blocks all behind it, so no mode starves another, also where
 * clients disagree on n. A hold stays one when those ahead of it go.
 */
export function grantedCount(queue: readonly Place[]): number {
  let count = 0;
  for (const place of queue) {
    if (!compatible(place, queue[0], count)) break;
    count += 1;
  }
  return count;
}

/** `first` stands for all `ahead` that hold: they are of one mode, because those of another would not hold beside it. */
function compatible(place: Place, first: Place | undefined, ahead: number): boolean {
  if (ahead === 0) return true;
  if (first === undefined || first.mode !== place.mode) return false;
  switch (place.mode) {
    case 'exclusive':
      return false;
    case 'shared':
      return true;
    case 'semaphore':
      return ahead < (place.permits ?? 1);
  }
}
