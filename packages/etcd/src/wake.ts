import type { ClientInfo } from '@holdfast/core/adapter';
import type { IEvent } from 'etcd3';
import type { Connection } from './connection.ts';
import { txn } from './direct-client.ts';
import type { Awaited, Entry } from './queue.ts';
import { successorOf } from './keys.ts';
import { follow, same, unchanged } from './requests.ts';
import { canFollow, encodeSuccessor } from './successor.ts';
import type { Condition } from './txn.ts';
import type { EtcdSession } from './session.ts';
import type { WatchListener, WatchTarget, Watches } from './watches.ts';

export interface WakeContext {
  readonly connection: Connection;
  readonly watches: Watches;
  readonly session: EtcdSession;
  readonly signal: AbortSignal;
  readonly client: ClientInfo;
  readonly prefix: string;
}

/**
 * The fencing token if the one ahead has handed the lock over. `first`: an exclusive request that directly follows the awaited one is first
 * now, but for a thief: the awaited one was exclusive, is gone, and was granted the lock before (so nobody was ahead of it then, and nobody
 * can have come there since). `look`: anything may have happened.
 */
export type Woken = bigint | 'first' | 'look';

/** The news that the one ahead is gone comes with that of our own grant, in any order; longer than this we don't wait for that, in ms. */
const TOGETHER_MS = 3;

/**
 * Resolves when what is awaited may have happened, or can't be watched any more, or the session is over: the caller then
 * asks the server. Rejects with the signal's reason.
 *
 * The watches begin now and not at the revision of the snapshot: the server brings a watch of the past up to date only every
 * 100 ms. So one look, once they have begun, sees what happened before.
 */
export function wake(own: Entry, awaited: Awaited, seen: bigint, context: WakeContext): Promise<Woken> {
  const { watches, session, signal } = context;
  const [ahead] = awaited.entries;
  const follows = ahead !== undefined && canFollow(own, ahead);
  return new Promise((resolve, reject) => {
    const cleanup: (() => void)[] = [];
    const settle = (outcome: () => void): void => {
      for (const undo of cleanup.splice(0)) undo();
      outcome();
    };
    const woken = (how: Woken = 'look'): void => settle(() => resolve(how));
    const abort = (): void => settle(() => reject(signal.reason as Error));
    if (signal.aborted) return abort();
    if (session.isOver) return woken();

    signal.addEventListener('abort', abort);
    cleanup.push(() => signal.removeEventListener('abort', abort));
    cleanup.push(session.lease.observe(({ type }) => type === 'lost' && woken()));
    let starting = awaited.entries.length + (follows ? 1 : 0);
    let newest = seen;
    let hasTold = false;
    const look = async (): Promise<void> => {
      hasTold = follows;
      const still = await (follows ? tell(own, ahead, context) : isStill(awaited, context));
      if (!still) woken();
    };
    const onStart = (revision: bigint): void => {
      if (revision > newest) newest = revision;
      starting -= 1;
      if (starting === 0 && (follows || newest > seen)) look().catch(() => woken());
    };
    const onEnd = (): void => woken();
    const watch = (key: string, options: Partial<WatchTarget>, onEvents: WatchListener['onEvents']): void => {
      cleanup.push(watches.watch({ key: Buffer.from(key), ...options }, { onStart, onEvents, onEnd }));
    };
    for (const entry of awaited.entries) {
      const what = awaited.until === 'gone' ? { filters: ['Noput' as const], prev_kv: entry.mode === 'exclusive' } : {};
      watch(entry.key, what, (events) => {
        const how = events.some((event) => isEndOfHold(entry, event)) ? 'first' : 'look';
        if (!hasTold) return woken(how);
        const timer = setTimeout(() => woken(how), TOGETHER_MS).unref();
        cleanup.push(() => clearTimeout(timer));
      });
    }
    if (!follows) return;
    watch(own.key, { filters: ['Nodelete'] }, (events) => {
      const grant = events.find(({ kv }) => BigInt(kv.create_revision) === own.created);
      if (grant !== undefined) woken(BigInt(grant.kv.mod_revision));
    });
  });
}

/** Whether both are as they were, and the one ahead is told. */
async function tell(own: Entry, ahead: Entry, { connection, prefix, client }: WakeContext): Promise<boolean> {
  const key = successorOf(prefix, ahead.lease, ahead.key);
  const value = encodeSuccessor(ahead, { key: own.key, created: own.created, client });
  return (await connection.once((etcd, options) => txn(etcd, follow(ahead, own, { key, value }), options))).succeeded;
}

/** Only a grant writes a key again: a claim, or the hand-over of the one ahead. The server has what was there before, unless that is compacted. */
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
