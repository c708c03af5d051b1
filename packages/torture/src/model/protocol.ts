import { apply, CONFIRM_MS } from '@holdfast/core/adapter';
import type { QueueChange, QueueEvent } from '@holdfast/core/adapter';
import type { World } from './world.ts';

/** In ticks. A tick is the time that a pushed grant has to be confirmed, and a ttl is more than that. */
export const TTL = 2;
export const CONFIRM = 1;
export const TICK_MS: number = CONFIRM_MS;

/** The choices of the protocol that can be made wrong, one by one. */
export interface Protocol {
  /** What changes the queue. The right one is core's own. */
  readonly apply: (world: World, event: QueueEvent) => QueueChange;
  /** From when a hold's ttl counts: the time of the request (right) or of its answer. */
  readonly validFrom: (sentAt: number, answeredAt: number) => number;
  /** From when a pushed grant's time to confirm counts. */
  readonly pushedFrom: (provedAt: number, receivedAt: number) => number;
  /** Whether the register takes a write with `token` after one with `newest`. */
  readonly accepts: (token: bigint, newest: bigint) => boolean;
  /** Whether a hold goes on after its deadline until the server says that it is over. */
  readonly outlivesDeadline: boolean;
}

/** As Holdfast does it. */
export const sound: Protocol = {
  apply: ({ queue }, event) => apply(queue, event),
  validFrom: (sentAt) => sentAt,
  pushedFrom: (provedAt) => provedAt,
  accepts: (token, newest) => token >= newest,
  outlivesDeadline: false,
};

/** Each is a mistake that a lock library has made; the explorer must find what it breaks. */
export const broken: Readonly<Record<string, Protocol>> = {
  'release without a check of the owner': {
    ...sound,
    apply({ queue }, event) {
      const known = queue.entries.some(({ owner }) => 'owner' in event && owner === event.owner);
      const holder = queue.entries.find(({ token }) => token !== undefined);
      if (event.type !== 'leave' || known || holder === undefined) return apply(queue, event);
      return apply(queue, { ...event, owner: holder.owner });
    },
  },
  'token by the order of requests': {
    ...sound,
    apply({ queue, received }, event) {
      const change = apply(queue, event);
      for (const entry of change.granted) entry.token = BigInt(received.indexOf(entry.owner) + 1);
      return change;
    },
  },
  'tokens start over when the queue is empty': {
    ...sound,
    apply({ queue }, event) {
      const change = apply(queue, event);
      if (queue.entries.length === 0) queue.token = 0n;
      return change;
    },
  },
  'no time to confirm: a waiter that died holds forever': {
    ...sound,
    apply({ queue }, event) {
      const change = apply(queue, event);
      for (const entry of change.granted) {
        if (!('owner' in event) || event.owner !== entry.owner) entry.expiresAt = Infinity;
      }
      return change;
    },
  },
  'a pushed grant counts from its receipt': { ...sound, pushedFrom: (_, receivedAt) => receivedAt },
  'the deadline counts from the answer': { ...sound, validFrom: (_, answeredAt) => answeredAt },
  'no deadline of the holder: it waits for bad news': { ...sound, outlivesDeadline: true },
  'a late renewal brings an expired hold back': {
    ...sound,
    apply({ queue, grants }, event) {
      const change = apply(queue, event);
      if (event.type !== 'renew' || queue.entries.some(({ owner }) => owner === event.owner)) return change;
      const old = grants.find(({ owner }) => owner === event.owner);
      const like = queue.entries[0];
      if (old === undefined || like === undefined) return change;
      queue.entries.unshift({ ...like, owner: event.owner, token: old.token, expiresAt: event.time + TTL * TICK_MS });
      return change;
    },
  },
  'the register does not check tokens': { ...sound, accepts: () => true },
};
