import { movesFrom } from './moves.ts';
import { initial, keyOf } from './state.ts';
import type { Scene, State } from './state.ts';

export interface Explored {
  readonly states: number;
  readonly grants: number;
  /** The shortest way to something that must not be, if there is one. */
  readonly flaw: { readonly what: string; readonly way: readonly string[] } | undefined;
}

interface Visit {
  readonly state: State;
  readonly by: string;
  readonly from: Visit | undefined;
}

/** Every order in which things can happen in the scene, breadth first. */
export function explore(scene: Scene): Explored {
  const known = new Set<string>();
  let frontier: Visit[] = [{ state: initial(scene), by: 'begin', from: undefined }];
  let grants = 0;
  while (frontier.length > 0) {
    const next: Visit[] = [];
    for (const visit of frontier) {
      const what = flawOf(visit.state, scene);
      if (what !== undefined) return { states: known.size, grants, flaw: { what, way: wayTo(visit) } };
      for (const { name, to } of movesFrom(visit.state, scene)) {
        const key = keyOf(to);
        if (known.has(key)) continue;
        known.add(key);
        if (to.grants.length > visit.state.grants.length) grants += 1;
        next.push({ state: to, by: name, from: visit });
      }
    }
    frontier = next;
  }
  return { states: known.size, grants, flaw: undefined };
}

function flawOf(state: State, scene: Scene): string | undefined {
  const { grants, returned, clients, active, greatest, served } = state;
  for (const [i, one] of grants.entries()) {
    for (const other of grants.slice(i + 1)) {
      if (one.at < other.at !== one.epoch < other.epoch) return `granted ${one.epoch} and ${other.epoch} out of order`;
    }
  }
  if (clients.some(({ renewal }) => renewal === 'false'))
    return 'a renewal was believed by one who had been passed over';
  const unacked = clients.flatMap((client) => client.unacked);
  if (active !== undefined && unacked.length > (clients[active]?.unacked.length ?? 0)) return 'two have messages';
  if (served > 0 && ![...unacked, ...returned].some(({ epoch }) => epoch === greatest)) return 'the greatest is gone';
  return isStuck(state, scene) ? 'nobody holds, and nothing will happen' : undefined;
}

/** The active one has all that it can get, and waits. */
function isStuck({ active, returned, fresh, clients }: State, { prefetch }: Scene): boolean {
  const client = active === undefined ? undefined : clients[active];
  if (client === undefined || client.inbox.length + client.published.length + client.acked.length > 0) return false;
  if (client.unacked.length < prefetch && returned.length + fresh.length > 0) return false;
  return client.reading.phase === 'waiting' || client.reading.phase === 'taking';
}

function wayTo(visit: Visit): string[] {
  const way: string[] = [];
  for (let at: Visit | undefined = visit; at !== undefined; at = at.from) way.unshift(at.by);
  return way;
}
