import type { Reading } from './consul.ts';
import { follow } from './follow.ts';
import { follows } from './hand-over.ts';
import type { Awaited, Entry } from './queue.ts';
import type { ConsulSession } from './session.ts';
import type { Ticket } from './ticket.ts';
import type { Watches } from './watches.ts';

export interface WakeContext {
  readonly watches: Watches;
  /** Of this process, by key. */
  readonly tickets: ReadonlyMap<string, Ticket>;
  readonly session: ConsulSession;
  readonly ticket: Ticket;
  /** As it was seen. */
  readonly own: Entry;
}

/**
 * The token, if a release has granted the lock to the request. `maybe`: what is awaited may have happened, or the request's own place or
 * session is gone: the caller then asks the server. `look`: the one ahead has left, and may have granted it the lock.
 */
export type Woken = bigint | 'maybe' | 'look';

/** Resolves as soon as there is a reason; rejects with the signal's. */
export function wake(awaited: Awaited, seen: readonly Entry[], context: WakeContext): Promise<Woken> {
  const { session, ticket } = context;
  const { signal } = ticket.request;
  return new Promise((resolve, reject) => {
    const cleanup: (() => void)[] = [];
    const settle = (outcome: () => void): void => {
      for (const undo of cleanup.splice(0)) undo();
      outcome();
    };
    const woken = (how: Woken = 'maybe'): void => settle(() => resolve(how));
    const abort = (): void => settle(() => reject(signal.reason as Error));
    if (signal.aborted) return abort();
    if (session.isOver || ticket.place === 'gone') return woken();
    if (ticket.granted !== undefined) return woken(ticket.granted);

    signal.addEventListener('abort', abort);
    cleanup.push(() => signal.removeEventListener('abort', abort));
    cleanup.push(session.lease.observe(({ type }) => type === 'lost' && woken()));
    cleanup.push(ticket.observe(() => woken(ticket.granted)));
    cleanup.push(target(awaited, seen, context, woken));
  });
}

function target(
  { entry, until, direct }: Awaited,
  seen: readonly Entry[],
  { watches, tickets, own }: WakeContext,
  woken: (how?: Woken) => void,
): () => void {
  if (entry === 'queue') {
    const [first] = seen;
    if (first === undefined) throw new Error('Nobody is in the queue that is waited in');
    const before = fingerprint(seen.map(({ key, modified }) => [key, modified]));
    const changed = ({ entries }: Reading): boolean =>
      fingerprint(entries.map(({ Key, ModifyIndex }) => [Key, ModifyIndex])) !== before;
    return watches.watch({ key: first.queue, isPrefix: true, from: 0 }, (reading) => changed(reading) && woken());
  }
  const local = tickets.get(entry.key);
  if (local !== undefined) return local.observe(() => (until === 'changed' || local.place === 'gone') && woken());
  if (direct && follows(own, entry)) return follow(own, entry, { watches, woken });
  return watches.watch({ key: entry.key, isPrefix: false, from: entry.modified }, ({ entries: [found] }) => {
    if (found === undefined || (until === 'changed' && found.ModifyIndex !== entry.modified)) woken();
  });
}

function fingerprint(entries: readonly (readonly [string, number])[]): string {
  return entries
    .map(([key, modified]) => `${key}:${modified}`)
    .sort()
    .join('\n');
}
