import type { IEvent } from 'etcd3';
import type { Connection } from './connection.ts';
import { txn } from './direct-client.ts';
import type { Awaited, Entry } from './queue.ts';
import { same, unchanged } from './requests.ts';
import type { Condition } from './txn.ts';
import type { EtcdSession } from './session.ts';
import type { WatchListener, Watches } from './watches.ts';

export interface WakeContext {
  readonly connection: Connection;
  readonly watches: Watches;
  readonly session: EtcdSession;
  readonly signal: AbortSignal;
}

/**
 * Resolves when what is awaited may have happened, or can't be watched any more, or the session is over: the caller then
 * asks the server. Rejects with the signal's reason.
 *
 * With `true` if it is known that an exclusive request which directly follows the awaited one is first now, but for a thief: the awaited
 * one was exclusive, is gone, and was granted the lock before (so nobody was ahead of it then, and nobody can have come there since).
 *
 * The watches begin now and not at the revision of the snapshot: the server brings a watch of the past up to date only every
 * 100 ms. So one look, once they have begun, sees what happened before.
 */
export function wake(awaited: Awaited, seen: bigint, context: WakeContext): Promise<boolean> {
  const { watches, session, signal } = context;
  return new Promise((resolve, reject) => {
    const cleanup: (() => void)[] = [];
    const settle = (outcome: () => void): void => {
      for (const undo of cleanup.splice(0)) undo();
      outcome();
    };
    const woken = (isFirst = false): void => settle(() => resolve(isFirst));
    const abort = (): void => settle(() => reject(signal.reason as Error));
    if (signal.aborted) return abort();
    if (session.isOver) return woken();

    signal.addEventListener('abort', abort);
    cleanup.push(() => signal.removeEventListener('abort', abort));
    cleanup.push(session.lease.observe(({ type }) => type === 'lost' && woken()));
    let started = 0;
    let newest = seen;
    const onStart = (revision: bigint): void => {
      if (revision > newest) newest = revision;
      started += 1;
      if (started < awaited.entries.length || newest === seen) return;
      isStill(awaited, context).then(
        (still) => still || woken(),
        () => woken(),
      );
    };
    for (const entry of awaited.entries) {
      const what = awaited.until === 'gone' ? { filters: ['Noput' as const], prev_kv: entry.mode === 'exclusive' } : {};
      const onEvents = (events: readonly IEvent[]): void => woken(events.some((event) => isEndOfHold(entry, event)));
      const listener: WatchListener = { onStart, onEvents, onEnd: () => woken() };
      cleanup.push(watches.watch({ key: Buffer.from(entry.key), ...what }, listener));
    }
  });
}

/** A claim is the only one that writes a key again. The server has what was there before, unless that is compacted. */
function isEndOfHold({ mode, created }: Entry, { type, prev_kv: before }: Partial<IEvent>): boolean {
  if (mode !== 'exclusive' || type !== 'Delete' || before === undefined || before === null) return false;
  return BigInt(before.create_revision) === created && BigInt(before.mod_revision) > created;
}

async function isStill({ entries, until }: Awaited, { connection }: WakeContext): Promise<boolean> {
  const compare: Condition[] = entries.map((entry) =>
    until === 'gone' ? same(entry) : unchanged(entry.key, entry.modified),
  );
  const { succeeded } = await connection.once((client, options) => txn(client, { compare }, options));
  return succeeded;
}
