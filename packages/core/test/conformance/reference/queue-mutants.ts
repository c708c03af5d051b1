import { apply, find } from '@holdfast/core/adapter';
import type { QueueChange, QueueEntry, QueueEvent, QueueState } from '@holdfast/core/adapter';
import type { Rules } from './server.ts';

const holders = (state: QueueState): QueueEntry[] => state.entries.filter((entry) => entry.token !== undefined);
const waiters = (state: QueueState): QueueEntry[] => state.entries.filter((entry) => entry.token === undefined);

/** Queues that take a step otherwise than they should. Made anew for each server: some remember. */
export const queueMutants: Readonly<Record<string, () => Rules['apply']>> = {
  'frees the lock whoever releases': () => (state, event) => {
    const stranger = event.type === 'leave' && find(state, event.owner) === undefined;
    return apply(state, stranger ? { ...event, owner: holders(state)[0]?.owner ?? event.owner } : event);
  },

  'starts tokens again when the queue is empty': () => (state, event) => {
    if (state.entries.length === 0) state.token = 0n;
    return apply(state, { ...event, wallMicros: 0n });
  },

  'gives the token of an expired hold to the next': () => (state, event) => {
    const change = apply(state, event);
    const expired = change.ended.find(({ reason }) => reason === 'expired');
    if (expired !== undefined) for (const entry of change.granted) entry.token = expired.entry.token;
    return change;
  },

  'draws the token before the wait': () => {
    const drawn = new Map<string, bigint>();
    return (state, event) => {
      const change = apply(state, event);
      if (event.type === 'request' && !drawn.has(event.owner)) drawn.set(event.owner, (state.token += 1n));
      for (const entry of change.granted) entry.token = drawn.get(entry.owner);
      return change;
    };
  },

  'grants last come, first served': () => (state, event) => {
    const change = apply(state, event);
    if (event.type !== 'request') return change;
    const last = waiters(state).filter((entry) => entry.owner === event.owner);
    state.entries = [...holders(state), ...last, ...waiters(state).filter((entry) => entry.owner !== event.owner)];
    return change;
  },

  'lets readers overtake writers': () => (state, event) => {
    const change = apply(state, event);
    if (holders(state).length === 0 || holders(state).some(({ mode }) => mode !== 'shared')) return change;
    const isReader = ({ mode }: QueueEntry): boolean => mode === 'shared';
    state.entries = [
      ...holders(state),
      ...waiters(state).filter(isReader),
      ...waiters(state).filter((entry) => !isReader(entry)),
    ];
    const more = apply(state, { ...event, type: 'tick' });
    return { granted: [...change.granted, ...more.granted], ended: [...change.ended, ...more.ended] };
  },

  'lets readers in beside a writer': () => (state, event) => {
    const change = apply(state, event);
    const reader = event.type === 'request' && event.mode === 'shared' ? find(state, event.owner) : undefined;
    return reader === undefined || reader.token !== undefined ? change : grantAnyway(state, event, change, reader);
  },

  'gives out one permit too many': () => (state, event) => {
    const more = event.type === 'request' && event.permits !== undefined;
    return apply(state, more ? { ...event, permits: (event.permits ?? 0) + 1 } : event);
  },

  'never ends a hold': () => (state, event) => apply(state, { ...event, time: 0 }),

  'waits for a dead waiter for ever': () => (state, event) => {
    const change = apply(state, event);
    for (const entry of change.granted)
      if (!('owner' in event) || event.owner !== entry.owner) entry.expiresAt = Infinity;
    return change;
  },

  'renews all holders with one': () => (state, event) => {
    const change = apply(state, event);
    const renewed = event.type === 'renew' ? find(state, event.owner) : undefined;
    if (renewed !== undefined)
      for (const holder of holders(state)) holder.expiresAt = Math.max(holder.expiresAt, renewed.expiresAt);
    return change;
  },

  'grants to two at a takeover': () => (state, event) => {
    const change = apply(state, event);
    const next = waiters(state)[0];
    const isTakeover = change.ended.some(({ reason }) => reason === 'expired');
    return isTakeover && next !== undefined ? grantAnyway(state, event, change, next) : change;
  },

  'wakes nobody when a waiter leaves': () => (state, event) => {
    const leaver = event.type === 'leave' ? find(state, event.owner) : undefined;
    const change = apply(state, event);
    return leaver !== undefined && leaver.token === undefined ? { ...change, granted: [] } : change;
  },

  'passes the lock to nobody when it was granted to one who has left': () => (state, event) => {
    const leaver = event.type === 'leave' ? find(state, event.owner) : undefined;
    const unconfirmed = leaver?.token !== undefined && leaver.expiresAt < event.time + leaver.ttlMs * 0.9;
    const change = apply(state, event);
    return unconfirmed ? { ...change, granted: [] } : change;
  },

  'keeps the entry of a refused try': () => (state, event) =>
    apply(state, event.type === 'request' ? { ...event, wait: true } : event),

  'forgets who waits at a theft': () => (state, event) => {
    const change = apply(state, event);
    if (event.type === 'request' && event.steal)
      state.entries = state.entries.filter((entry) => entry.token !== undefined);
    return change;
  },
};

/** Takes back what it does not know, as if its owner still held it. */
export function resurrecting(): Rules['apply'] {
  const known = new Map<string, QueueEvent & { type: 'request' }>();
  return (state, event) => {
    if (event.type === 'request') known.set(event.owner, event);
    const past = event.type === 'renew' && find(state, event.owner) === undefined ? known.get(event.owner) : undefined;
    return apply(
      state,
      past === undefined ? event : { ...past, steal: true, time: event.time, wallMicros: event.wallMicros },
    );
  };
}

/** Grants to one more than the rule allows. */
function grantAnyway(state: QueueState, event: QueueEvent, change: QueueChange, entry: QueueEntry): QueueChange {
  state.token += 1n;
  entry.token = state.token;
  entry.expiresAt = event.time + entry.ttlMs;
  return { ...change, granted: [...change.granted, entry] };
}
