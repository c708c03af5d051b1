import { nextExpiry } from '@holdfast/core/adapter';
import { TICK_MS } from './protocol.ts';
import type { Protocol } from './protocol.ts';
import { Broken, hear, serve, write } from './steps.ts';
import { clientOf, connectionOf, copy, forgetStale, initialWorld, keyOf } from './world.ts';
import type { ClientState, Scope, World } from './world.ts';

export interface Exploration {
  readonly states: number;
  /** The steps that lead to a broken promise, the promise last; `undefined` if no interleaving breaks any. */
  readonly counterexample: readonly string[] | undefined;
}

interface Step {
  readonly label: string;
  readonly take: (world: World) => void;
}

interface Visit {
  readonly world: World;
  readonly label: string;
  readonly parent: Visit | undefined;
}

/** Every interleaving within the scope, breadth first, so that a counterexample is among the shortest. */
export function explore(scope: Scope, protocol: Protocol): Exploration {
  const seen = new Set<string>();
  let frontier: Visit[] = [{ world: initialWorld(scope), label: '', parent: undefined }];
  while (frontier.length > 0) {
    const following: Visit[] = [];
    for (const visit of frontier) {
      for (const { label, take } of stepsOf(visit.world, scope, protocol)) {
        const world = copy(visit.world);
        const next: Visit = { world, label, parent: visit };
        try {
          take(world);
          forgetStale(world);
          assertExclusion(world, scope);
          assertServed(world, scope, protocol);
        } catch (error) {
          if (!(error instanceof Broken)) throw error;
          return { states: seen.size, counterexample: [...trace(next), error.message] };
        }
        const key = keyOf(world);
        if (seen.has(key)) continue;
        seen.add(key);
        following.push(next);
      }
    }
    frontier = following;
  }
  return { states: seen.size, counterexample: undefined };
}

function trace(visit: Visit): string[] {
  return visit.parent === undefined ? [] : [...trace(visit.parent), `${visit.world.now}: ${visit.label}`];
}

function stepsOf(world: World, scope: Scope, protocol: Protocol): Step[] {
  const steps: Step[] = [];
  for (const [i, message] of world.messages.entries()) {
    const connection = connectionOf(message);
    const overtakes = world.messages.slice(0, i).some((earlier) => connectionOf(earlier) === connection);
    if (overtakes && world.late === 0) continue;
    steps.push({
      label: `${message.kind} of ${message.owner} arrives${overtakes ? ' out of order' : ''}`,
      take: (next) => deliver(next, scope, protocol, i, overtakes),
    });
  }
  if (nextExpiry(world.queue) <= world.now * TICK_MS)
    steps.push({ label: 'the server looks at its clock', take: (next) => serve(next, scope, protocol) });
  if (world.now < scope.ticks) steps.push({ label: 'time passes', take: (next) => tick(next, protocol) });
  for (let i = 0; i < world.clients.length; i += 1) steps.push(...stepsOfClient(world, scope, i));
  return steps;
}

function deliver(world: World, scope: Scope, protocol: Protocol, index: number, overtakes: boolean): void {
  const [message] = world.messages.splice(index, 1);
  if (overtakes) world.late -= 1;
  if (message?.to === 'server') serve(world, scope, protocol, message);
  else if (message?.to === 'client') hear(world, scope, protocol, message);
  else if (message !== undefined) write(world, protocol, message);
}

function stepsOfClient(world: World, scope: Scope, i: number): Step[] {
  const client = world.clients[i];
  if (client === undefined || client.state.phase === 'dead') return [];
  const { state, left } = client;
  const steps: Step[] = [];
  const add = (label: string, take: (next: World) => void): void =>
    void steps.push({ label: `client ${i} ${label}`, take });
  const become = (next: World, to: ClientState): void => void Object.assign(next.clients[i] ?? {}, { state: to });
  if (world.crashes > 0 && state.phase !== 'idle') {
    add('crashes', (next) => {
      next.crashes -= 1;
      become(next, { phase: 'dead' });
    });
  }
  const leave = (next: World, owner: string): void => {
    next.messages.push({ to: 'server', kind: 'leave', owner });
    become(next, { phase: 'idle' });
  };
  if (state.phase === 'idle' && left > 0 && inTurn(world, scope, i)) {
    const owner = `${i}.${left}`;
    const steal = scope.clients[i]?.steals ?? false;
    add('asks', (next) => {
      next.messages.push({ to: 'server', kind: 'request', owner, sentAt: next.now, steal });
      Object.assign(next.clients[i] ?? {}, { left: left - 1, state: { phase: 'asking', owner } });
    });
  }
  if (state.phase === 'waiting' && scope.aborts) add('gives up', (next) => leave(next, state.owner));
  if (state.phase !== 'holding') return steps;
  add('releases', (next) => leave(next, state.owner));
  if (state.renewals > 0) {
    add('renews', (next) => {
      next.messages.push({ to: 'server', kind: 'renew', owner: state.owner, sentAt: next.now });
      become(next, { ...state, renewals: state.renewals - 1 });
    });
  }
  if (scope.writes && !state.wrote && scope.clients[i]?.mode === 'exclusive') {
    add('writes', (next) => {
      next.messages.push({ to: 'register', kind: 'write', owner: state.owner, token: state.token });
      become(next, { ...state, wrote: true });
    });
  }
  return steps;
}

/** Of clients that are alike it does not matter which asks first: the others begin after the one before them. */
function inTurn(world: World, { clients, requests }: Scope, i: number): boolean {
  const [own, before] = [clients[i], clients[i - 1]];
  if (own === undefined || before === undefined || own.mode !== before.mode || own.steals !== before.steals)
    return true;
  return world.clients[i - 1]?.left !== requests;
}

/** A deadline is kept by the clock alone, whatever its holder is doing. */
function tick(world: World, { outlivesDeadline }: Protocol): void {
  world.now += 1;
  for (const client of world.clients) {
    const { state } = client;
    if (state.phase !== 'holding' || state.deadline > world.now || outlivesDeadline) continue;
    world.messages.push({ to: 'server', kind: 'leave', owner: state.owner });
    client.state = { phase: 'idle' };
  }
}

function assertExclusion(world: World, scope: Scope): void {
  const holders = world.clients.flatMap(({ state }, i) =>
    state.phase === 'holding' && !world.robbed.includes(state.owner)
      ? [{ ...state, mode: scope.clients[i]?.mode }]
      : [],
  );
  const rival = holders.find(({ mode }) => mode !== 'shared');
  if (holders.length > 1 && rival !== undefined)
    throw new Broken(`${holders.map(({ owner }) => owner).join(' and ')} hold at once`);
}

/** From a moment at which nothing is under way: if clients that live do their part, time alone empties the queue. */
function assertServed(world: World, scope: Scope, protocol: Protocol): void {
  if (world.messages.length > 0 || world.queue.entries.length === 0) return;
  const later = copy(world);
  for (let round = later.queue.entries.length + 1; round > 0 && later.queue.entries.length > 0; round -= 1) {
    later.now += 10;
    serve(later, scope, protocol);
    for (const { owner, token } of [...later.queue.entries]) {
      const state = later.clients[clientOf(owner)]?.state;
      if (token === undefined || state === undefined || !('owner' in state) || state.owner !== owner) continue;
      serve(later, scope, protocol, { to: 'server', kind: 'leave', owner });
    }
  }
  const [stuck] = later.queue.entries;
  if (stuck !== undefined) throw new Broken(`${stuck.owner} stays in the queue for ever`);
}
