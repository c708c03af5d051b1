import { GRANTED } from './consul.ts';
import type { Entry } from './queue.ts';
import type { Woken } from './wake.ts';
import type { Watches } from './watches.ts';

export interface Following {
  readonly watches: Watches;
  woken(how?: Woken): void;
}

/**
 * The news that the one ahead is gone comes with that of our own grant, in any order, within half a millisecond in 19 of 20 cases where
 * little else runs; longer than this we don't wait for that, in ms.
 */
const TOGETHER_MS = 1;

/**
 * Watches the one directly ahead and, as soon as that may hold and know of us, the own key: its release writes it. Not before: it is a
 * connection more, and who is granted the lock writes its own key.
 */
export function follow(own: Entry, ahead: Entry, { watches, woken }: Following): () => void {
  let isOver = false;
  let stopOwn: (() => void) | undefined;
  let timer: NodeJS.Timeout | undefined;
  const watchOwn = (): void => {
    stopOwn ??= watches.watchOwn({ key: own.key, isPrefix: false, from: own.modified }, ({ entries: [found] }) => {
      if (found === undefined) woken();
      else if (found.Flags === GRANTED && found.Session === own.session) woken(BigInt(found.ModifyIndex));
    });
  };
  const stopAhead = watches.watch({ key: ahead.key, isPrefix: false, from: ahead.modified }, ({ entries: [found] }) => {
    if (found !== undefined) {
      if (found.ModifyIndex !== ahead.modified) watchOwn();
      return;
    }
    stopAhead();
    if (isOver) return;
    if (stopOwn === undefined) woken();
    else timer = setTimeout(woken, TOGETHER_MS, 'look').unref();
  });
  if (mayKnow(ahead, own)) watchOwn();
  return () => {
    isOver = true;
    clearTimeout(timer);
    stopOwn?.();
    // Its answer is under way, too: to end it before would cost its connection.
    setTimeout(stopAhead, TOGETHER_MS).unref();
  };
}

/** A claim reads the queue as it writes the key; whom a release has granted the lock reads it afterwards. */
function mayKnow(holder: Entry, { created }: Entry): boolean {
  return holder.granted || holder.modified > created;
}
