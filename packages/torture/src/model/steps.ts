import type { QueueEvent } from '@holdfast/core/adapter';
import { CONFIRM, TICK_MS, TTL } from './protocol.ts';
import type { Protocol } from './protocol.ts';
import { clientOf } from './world.ts';
import type { ClientState, Message, Scope, World } from './world.ts';

/** What the outcome of a step broke. */
export class Broken extends Error {}

const nobody = { id: '', host: '', pid: 0 };

/** The server takes a message in, or notices that time has passed. */
export function serve(world: World, scope: Scope, protocol: Protocol, message?: Message & { to: 'server' }): void {
  const at = { time: world.now * TICK_MS, wallMicros: 0n };
  const change = protocol.apply(world, eventOf(world, scope, at, message));
  for (const { entry, reason } of change.ended) if (reason === 'stolen') world.robbed.push(entry.owner);
  for (const { owner, token = 0n } of change.granted) {
    const last = world.grants.at(-1);
    world.grants.push({ owner, token });
    if (last !== undefined && token <= last.token) throw new Broken(`token ${token} was granted after ${last.token}`);
    if (owner !== message?.owner) world.messages.push({ to: 'client', kind: 'push', owner, token });
  }
  if (message !== undefined) answer(world, message);
}

function eventOf(
  world: World,
  scope: Scope,
  at: { time: number; wallMicros: bigint },
  message: (Message & { to: 'server' }) | undefined,
): QueueEvent {
  if (message === undefined) return { ...at, type: 'tick' };
  const { owner } = message;
  if (message.kind !== 'request') return { ...at, type: message.kind, owner };
  world.received.push(owner);
  const mode = scope.clients[clientOf(owner)]?.mode ?? 'exclusive';
  return {
    ...at,
    type: 'request',
    owner,
    mode,
    ttlMs: TTL * TICK_MS,
    client: nobody,
    wait: true,
    steal: message.steal,
  };
}

function answer(world: World, message: Message & { to: 'server' }): void {
  if (message.kind === 'leave') return;
  const { owner, sentAt } = message;
  const entry = world.queue.entries.find((candidate) => candidate.owner === owner);
  if (message.kind === 'renew') {
    world.messages.push({ to: 'client', kind: entry?.token === undefined ? 'gone' : 'renewed', owner, sentAt });
  } else if (entry?.token === undefined) world.messages.push({ to: 'client', kind: 'waiting', owner, sentAt });
  else world.messages.push({ to: 'client', kind: 'granted', owner, sentAt, token: entry.token });
}

/** A client takes a message in. What is not for its present request it ignores. */
export function hear(world: World, scope: Scope, protocol: Protocol, message: Message & { to: 'client' }): void {
  const client = world.clients[clientOf(message.owner)];
  if (client === undefined) return;
  client.state = next(world, scope, protocol, client.state, message);
}

function next(
  world: World,
  scope: Scope,
  protocol: Protocol,
  state: ClientState,
  message: Message & { to: 'client' },
): ClientState {
  if (!('owner' in state) || state.owner !== message.owner) return state;
  const { owner } = state;
  switch (message.kind) {
    case 'granted':
      return state.phase === 'asking' ? hold(world, scope, protocol, owner, message.token, message.sentAt) : state;
    case 'waiting':
      return state.phase === 'asking' ? { phase: 'waiting', owner, provedAt: message.sentAt } : state;
    case 'push':
      if (state.phase === 'asking') return ask(world, owner, message.token);
      return state.phase === 'waiting' ? pushed(world, protocol, state, message.token) : state;
    case 'renewed':
      if (state.phase === 'confirming') return hold(world, scope, protocol, owner, state.token, message.sentAt);
      if (state.phase !== 'holding') return state;
      return { ...state, deadline: Math.max(state.deadline, protocol.validFrom(message.sentAt, world.now) + TTL) };
    case 'gone':
      return state.phase === 'holding' || state.phase === 'confirming' ? { phase: 'idle' } : state;
  }
}

function hold(
  world: World,
  scope: Scope,
  protocol: Protocol,
  owner: string,
  token: bigint,
  sentAt: number,
): ClientState {
  const deadline = protocol.validFrom(sentAt, world.now) + TTL;
  if (deadline > world.now) return { phase: 'holding', owner, token, deadline, renewals: scope.renewals, wrote: false };
  world.messages.push({ to: 'server', kind: 'leave', owner });
  return { phase: 'idle' };
}

/** Holds at once if enough of the time to confirm is certain, else only when the server has confirmed it. */
function pushed(
  world: World,
  protocol: Protocol,
  { owner, provedAt }: ClientState & { phase: 'waiting' },
  token: bigint,
): ClientState {
  const asking = ask(world, owner, token);
  const deadline = protocol.pushedFrom(provedAt, world.now) + CONFIRM;
  if (deadline <= world.now) return asking;
  return { phase: 'holding', owner, token, deadline, renewals: 0, wrote: false };
}

function ask(world: World, owner: string, token: bigint): ClientState {
  world.messages.push({ to: 'server', kind: 'renew', owner, sentAt: world.now });
  return { phase: 'confirming', owner, token };
}

/** The resource takes a write in. */
export function write(world: World, protocol: Protocol, { owner, token }: Message & { to: 'register' }): void {
  const { register, grants } = world;
  if (!protocol.accepts(token, register.token)) return;
  const order = grants.findIndex((grant) => grant.owner === owner);
  if (order < register.newest) throw new Broken(`a stale write with token ${token} was accepted`);
  register.newest = order;
  if (token > register.token) register.token = token;
}
