import { emptyQueue } from '@holdfast/core/adapter';
import type { QueueState, RequestMode } from '@holdfast/core/adapter';

/**
 * A message on its way. Connections keep their order, of each client to the server, back, and to the register; no two of
 * them have anything to do with each other. A client that connects anew may have messages overtake each other all the same:
 * {@link Scope.late} of them do.
 */
export type Message =
  | {
      readonly to: 'server';
      readonly kind: 'request';
      readonly owner: string;
      readonly sentAt: number;
      readonly steal: boolean;
    }
  | { readonly to: 'server'; readonly kind: 'renew'; readonly owner: string; readonly sentAt: number }
  | { readonly to: 'server'; readonly kind: 'leave'; readonly owner: string }
  | {
      readonly to: 'client';
      readonly kind: 'granted';
      readonly owner: string;
      readonly sentAt: number;
      readonly token: bigint;
    }
  | { readonly to: 'client'; readonly kind: 'waiting'; readonly owner: string; readonly sentAt: number }
  | { readonly to: 'client'; readonly kind: 'push'; readonly owner: string; readonly token: bigint }
  | { readonly to: 'client'; readonly kind: 'renewed' | 'gone'; readonly owner: string; readonly sentAt: number }
  | { readonly to: 'register'; readonly kind: 'write'; readonly owner: string; readonly token: bigint };

/** Times in ticks of the one clock. */
export type ClientState =
  | { readonly phase: 'idle' }
  | { readonly phase: 'asking'; readonly owner: string }
  /** `provedAt`: when the question was sent whose answer was "still waiting". */
  | { readonly phase: 'waiting'; readonly owner: string; readonly provedAt: number }
  | { readonly phase: 'confirming'; readonly owner: string; readonly token: bigint }
  | {
      readonly phase: 'holding';
      readonly owner: string;
      readonly token: bigint;
      readonly deadline: number;
      readonly renewals: number;
      readonly wrote: boolean;
    }
  | { readonly phase: 'dead' };

export interface Client {
  state: ClientState;
  /** Requests it may still make. */
  left: number;
}

export interface World {
  now: number;
  clients: Client[];
  queue: QueueState;
  messages: Message[];
  crashes: number;
  late: number;
  register: { token: bigint; newest: number };
  /** What no participant knows: owners in the order in which the server received them, and granted to them. */
  received: string[];
  grants: { readonly owner: string; readonly token: bigint }[];
  robbed: string[];
}

export interface Scope {
  readonly clients: readonly { readonly mode: RequestMode; readonly steals?: boolean }[];
  readonly requests: number;
  readonly crashes: number;
  /** How many messages may overtake one of the same connection. */
  readonly late: number;
  readonly ticks: number;
  readonly aborts: boolean;
  /** Of each hold, beside the confirmation of a pushed one. */
  readonly renewals: number;
  /** Whether each exclusive hold may write once. */
  readonly writes: boolean;
}

export function initialWorld({ clients, requests, crashes, late }: Scope): World {
  return {
    now: 0,
    clients: clients.map(() => ({ state: { phase: 'idle' }, left: requests })),
    queue: emptyQueue(),
    messages: [],
    crashes,
    late,
    register: { token: 0n, newest: -1 },
    received: [],
    grants: [],
    robbed: [],
  };
}

/** States of clients and messages are never changed in place, so they are shared. */
export function copy(world: World): World {
  return {
    ...world,
    clients: world.clients.map((client) => ({ ...client })),
    queue: { ...world.queue, entries: world.queue.entries.map((entry) => ({ ...entry })) },
    messages: [...world.messages],
    register: { ...world.register },
    received: [...world.received],
    grants: [...world.grants],
    robbed: [...world.robbed],
  };
}

/**
 * Two worlds with the same key go on in the same ways. What nobody knows is left out: while tokens grow with each grant, which is
 * checked at each, they tell all of it that matters.
 */
export function keyOf({ now, clients, queue, messages, crashes, late, register }: World): string {
  const people = clients.map(({ state, left }) => `${left}${Object.values(state).join(',')}`);
  const entries = queue.entries.map(({ owner, token, expiresAt }) => `${owner},${token},${expiresAt}`);
  const flying = messages.toSorted(byConnection).map((message) => Object.values(message).join(','));
  const rest = [now, crashes, late, queue.token, queue.time, register.token];
  return [rest.join(), people.join(';'), entries.join(';'), flying.join(';')].join('|');
}

export function connectionOf({ to, owner }: Message): string {
  return to + clientOf(owner);
}

function byConnection(a: Message, b: Message): number {
  const [first, second] = [connectionOf(a), connectionOf(b)];
  if (first === second) return 0;
  return first < second ? -1 : 1;
}

export function clientOf(owner: string): number {
  return Number(owner.split('.')[0]);
}

/** Takes out what its receiver would ignore now and for ever: owners are not used twice. */
export function forgetStale(world: World): void {
  world.messages = world.messages.filter((message) => {
    if (message.to !== 'client') return true;
    const state = world.clients[clientOf(message.owner)]?.state;
    return state !== undefined && 'owner' in state && state.owner === message.owner;
  });
}
