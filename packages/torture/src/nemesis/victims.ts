import type { FaultKind } from '../history/events.ts';
import type { Arena } from '../arena/arena.ts';
import type { FakeClock } from '../arena/fake-clock.ts';
import type { Members } from '../arena/members.ts';
import type { Network } from '../arena/network.ts';
import type { Crew } from '../crew/crew.ts';
import type { Victims } from './nemesis.ts';
import type { Fault } from './schedule.ts';

export interface Reach {
  readonly crew: Crew;
  readonly arena: Arena;
  readonly network: Network | undefined;
  readonly clock: FakeClock | undefined;
}

/** Which faults a run can have. */
export function possibleKinds({ arena, clock }: Pick<Reach, 'arena' | 'clock'>): Set<FaultKind> {
  const kinds: FaultKind[] = ['client-kill', 'client-freeze'];
  if (clock !== undefined) kinds.push('client-clock');
  if (arena.server !== undefined) kinds.push('server-kill', 'server-freeze');
  if (arena.serverClock !== undefined) kinds.push('server-clock');
  if (arena.disk !== undefined) kinds.push('slow-disk');
  if (arena.members !== undefined) kinds.push('member-kill', 'member-freeze', 'partition', 'isolation', 'loss');
  if (arena.failovers !== undefined) kinds.push('failover');
  if (arena.network) kinds.push('cut', 'blackhole', 'delay');
  return new Set(kinds);
}

/** The real ones. */
export function victimsOf({
  crew,
  arena: { server, serverClock, disk, members, failovers },
  network,
  clock,
}: Reach): Victims {
  const met = new MetMembers(members);
  const begins: Record<FaultKind, (fault: Fault) => Promise<void> | void> = {
    'client-kill': ({ client }) => crew.kill(clientOf(client)),
    'client-freeze': ({ client }) => crew.freeze(clientOf(client)),
    'client-clock': ({ client, stepMs = 0 }) => clock?.step(clientClock(clientOf(client)), stepMs),
    'server-kill': () => server?.kill(),
    'server-freeze': () => server?.pause(),
    'server-clock': ({ stepMs = 0 }) => serverClock?.step(stepMs),
    'slow-disk': ({ delayMs = 0 }) => disk?.begin(delayMs),
    'member-kill': async (fault) => await members?.kill(await met.of(fault)),
    'member-freeze': async (fault) => await members?.freeze(await met.of(fault)),
    failover: async ({ how = 'ask' }) => await failovers?.begin(how),
    partition: async (fault) => await members?.partition(await met.of(fault)),
    isolation: async (fault) => await members?.isolate(await met.of(fault)),
    loss: async (fault) => await members?.lose(await met.of(fault), fault.probability ?? 0),
    cut: ({ client }) => network?.cut(client),
    blackhole: ({ client, direction = 'both' }) => network?.blackhole(direction, client),
    delay: ({ client, delayMs = 0 }) => network?.delay(delayMs, client),
  };
  const ends: Record<FaultKind, (fault: Fault) => Promise<void> | void> = {
    'client-kill': ({ client }) => crew.revive(clientOf(client)),
    'client-freeze': ({ client }) => crew.thaw(clientOf(client)),
    'client-clock': ({ client }) => clock?.step(clientClock(clientOf(client)), 0),
    'server-kill': () => server?.restart(),
    'server-freeze': () => server?.resume(),
    'server-clock': () => serverClock?.step(0),
    'slow-disk': () => disk?.end(),
    'member-kill': async (fault) => await members?.restart(await met.of(fault)),
    'member-freeze': async (fault) => await members?.thaw(await met.of(fault)),
    failover: async () => await failovers?.end(),
    partition: async (fault) => await members?.heal(await met.of(fault)),
    isolation: async (fault) => await members?.heal(await met.of(fault)),
    loss: async (fault) => await members?.heal(await met.of(fault)),
    cut: () => undefined,
    blackhole: ({ client }) => network?.restore(client),
    delay: ({ client }) => network?.restore(client),
  };
  return {
    begin: async (fault) => await begins[fault.kind](fault),
    end: async (fault) => await ends[fault.kind](fault),
  };
}

/** Who led when the fault began is hurt no longer when it ends, whoever leads by then. */
class MetMembers {
  readonly #members: Members | undefined;
  readonly #met = new Map<number, number>();

  constructor(members: Members | undefined) {
    this.#members = members;
  }

  async of({ id, member = 'leader' }: Fault): Promise<number> {
    const met = this.#met.get(id) ?? (member === 'leader' ? ((await this.#members?.leader()) ?? 0) : member);
    this.#met.set(id, met);
    return met;
  }
}

/** What a client's clock is known by. */
export function clientClock(client: number): string {
  return `client-${client}`;
}

function clientOf(client: number | undefined): number {
  if (client === undefined) throw new TypeError('Expected a fault of one client');
  return client;
}
