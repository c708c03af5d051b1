/**
 * A lock as a queue with a grant rule, as a pure state machine: `apply(state, event)` is all that changes a queue.
 *
 * Backends that keep the queue themselves (memory, a file's log, a Kafka partition) feed it the events in the one order that
 * all clients see; the same events then give the same grants, tokens and expiries everywhere. The only clock is the
 * events' `time`, made monotone.
 */
import type { ClientInfo, LockInfo, LockSnapshot, RequestMode } from './contract.ts';
import { grantedCount } from './grant-rule.ts';

export interface QueueEntry {
  readonly owner: string;
  readonly mode: RequestMode;
  readonly permits?: number | undefined;
  readonly ttlMs: number;
  readonly client: ClientInfo;
  /** Wall clock in ms, for people. Asked for; once granted, granted. */
  since: number;
  /** `undefined` while waiting. */
  token: bigint | undefined;
  /** By the queue's time, in ms; `Infinity` while waiting. */
  expiresAt: number;
}

export interface QueueState {
  /** The last token given out. */
  token: bigint;
  /** The greatest time seen, in ms. */
  time: number;
  /** In queue order; those that hold come first. */
  entries: QueueEntry[];
}

interface At {
  /** By the backend's one clock, in ms. */
  readonly time: number;
  /** Wall clock of that moment in µs: a floor for the token, so that a queue whose state was deleted does not go back. */
  readonly wallMicros: bigint;
}

export type QueueEvent = At &
  (
    | {
        readonly type: 'request';
        readonly owner: string;
        readonly mode: RequestMode;
        readonly permits?: number | undefined;
        readonly ttlMs: number;
        readonly client: ClientInfo;
        readonly wait: boolean;
        readonly steal: boolean;
      }
    /** Proof of life of a holder; `atLeast`: the next token is greater than that. */
    | { readonly type: 'renew'; readonly owner: string; readonly atLeast?: bigint }
    /** A holder releases, a waiter leaves, or the owner is proved dead. */
    | { readonly type: 'leave'; readonly owner: string }
    /** Time has passed: whoever's time is up goes, and the next are granted. */
    | { readonly type: 'tick' }
  );

export interface QueueChange {
  /** Granted by this event, in order; a `request` that holds at once is among them. */
  readonly granted: readonly QueueEntry[];
  /** Gone by this event, other than by their own `leave`: expired or stolen from. */
  readonly ended: readonly { readonly entry: QueueEntry; readonly reason: 'expired' | 'stolen' }[];
}

/**
 * A waiter that is granted the lock must renew within this time, or the lock goes on: it may have died while it waited.
 * A live one renews as soon as it hears of the grant. In ms.
 */
export const CONFIRM_MS = 2000;

export function emptyQueue(): QueueState {
  return { token: 0n, time: 0, entries: [] };
}

/** Changes `state` in place. Applying an event twice does no harm: owners are unique, so a retried write is safe. */
export function apply(state: QueueState, event: QueueEvent): QueueChange {
  if (event.time > state.time) state.time = event.time;
  const ended: { entry: QueueEntry; reason: 'expired' | 'stolen' }[] = [];

  // Expiry first: a renewal that comes after its time is up must find its entry gone, whoever folds it.
  if (nextExpiry(state) <= state.time) {
    for (const entry of state.entries) if (entry.expiresAt <= state.time) ended.push({ entry, reason: 'expired' });
    state.entries = state.entries.filter((entry) => entry.expiresAt > state.time);
  }

  switch (event.type) {
    case 'request':
      enter(state, event, ended);
      break;
    case 'renew': {
      const entry = find(state, event.owner);
      // From the renewal's own time, not the running maximum: it may have been late to arrive.
      if (entry?.token === undefined) break;
      entry.expiresAt = Math.max(entry.expiresAt, event.time + entry.ttlMs);
      if (event.atLeast !== undefined && event.atLeast > state.token) state.token = event.atLeast;
      break;
    }
    case 'leave': {
      const index = state.entries.findIndex((entry) => entry.owner === event.owner);
      if (index >= 0) state.entries.splice(index, 1);
      break;
    }
    case 'tick':
      break;
  }
  return { granted: grant(state, event), ended };
}

function enter(
  state: QueueState,
  event: QueueEvent & { type: 'request' },
  ended: { entry: QueueEntry; reason: 'expired' | 'stolen' }[],
): void {
  if (find(state, event.owner) !== undefined) return;
  const entry: QueueEntry = {
    owner: event.owner,
    mode: event.mode,
    permits: event.permits,
    ttlMs: event.ttlMs,
    client: event.client,
    since: Number(event.wallMicros / 1000n),
    token: undefined,
    expiresAt: Infinity,
  };
  if (event.steal) {
    for (const holder of state.entries) if (holder.token !== undefined) ended.push({ entry: holder, reason: 'stolen' });
    state.entries = [entry, ...state.entries.filter((other) => other.token === undefined)];
    return;
  }
  state.entries.push(entry);
  if (!event.wait && grantedCount(state.entries) < state.entries.length) state.entries.pop();
}

function grant(state: QueueState, event: QueueEvent): QueueEntry[] {
  const granted: QueueEntry[] = [];
  const count = grantedCount(state.entries);
  for (const entry of state.entries.slice(0, count)) {
    if (entry.token !== undefined) continue;
    state.token = state.token + 1n > event.wallMicros ? state.token + 1n : event.wallMicros;
    entry.token = state.token;
    entry.since = Number(event.wallMicros / 1000n);
    // Who sent this very event is alive, and counts its ttl from it; a waiter has yet to show that it is.
    const own = (event.type === 'request' || event.type === 'renew') && event.owner === entry.owner;
    entry.expiresAt = own ? event.time + entry.ttlMs : state.time + Math.min(entry.ttlMs, CONFIRM_MS);
    granted.push(entry);
  }
  return granted;
}

export function find(state: QueueState, owner: string): QueueEntry | undefined {
  return state.entries.find((entry) => entry.owner === owner);
}

/** When the first holder's time is up, by the queue's time; `Infinity` if nobody holds. */
export function nextExpiry(state: QueueState): number {
  let first = Infinity;
  for (const entry of state.entries) if (entry.expiresAt < first) first = entry.expiresAt;
  return first;
}

/** The queue of `name` as `query` shows it. */
export function snapshot(name: string, state: QueueState): LockSnapshot {
  const info = (entry: QueueEntry): LockInfo => ({
    name,
    mode: entry.mode,
    clientId: entry.client.id,
    host: entry.client.host,
    pid: entry.client.pid,
    since: new Date(entry.since),
    ...(entry.token === undefined ? {} : { fencingToken: entry.token }),
    ...(entry.permits === undefined ? {} : { permits: entry.permits }),
  });
  return {
    held: state.entries.filter((entry) => entry.token !== undefined).map(info),
    pending: state.entries.filter((entry) => entry.token === undefined).map(info),
  };
}
