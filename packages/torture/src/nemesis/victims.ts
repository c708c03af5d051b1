import type { FaultKind } from '../history/events.ts';
import type { Arena } from '../arena/arena.ts';
import type { FakeClock } from '../arena/fake-clock.ts';
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
export function possibleKinds({ arena, clock }: { arena: Arena; clock: FakeClock | undefined }): Set<FaultKind> {
  const kinds: FaultKind[] = ['client-kill', 'client-freeze'];
  if (clock !== undefined) kinds.push('client-clock');
  if (arena.server !== undefined) kinds.push('server-kill', 'server-freeze');
  if (arena.network) kinds.push('cut', 'blackhole', 'delay');
  return new Set(kinds);
}

/** The real ones. */
export function victimsOf({ crew, arena: { server }, network, clock }: Reach): Victims {
  const begins: Record<FaultKind, (fault: Fault) => Promise<void> | void> = {
    'client-kill': ({ client }) => crew.kill(clientOf(client)),
    'client-freeze': ({ client }) => crew.freeze(clientOf(client)),
    'client-clock': ({ client, stepMs = 0 }) => clock?.step(clientOf(client), stepMs),
    'server-kill': () => server?.kill(),
    'server-freeze': () => server?.pause(),
    cut: ({ client }) => network?.cut(client),
    blackhole: ({ client, direction = 'both' }) => network?.blackhole(direction, client),
    delay: ({ client, delayMs = 0 }) => network?.delay(delayMs, client),
  };
  const ends: Record<FaultKind, (fault: Fault) => Promise<void> | void> = {
    'client-kill': ({ client }) => crew.revive(clientOf(client)),
    'client-freeze': ({ client }) => crew.thaw(clientOf(client)),
    'client-clock': ({ client }) => clock?.step(clientOf(client), 0),
    'server-kill': () => server?.restart(),
    'server-freeze': () => server?.resume(),
    cut: () => undefined,
    blackhole: ({ client }) => network?.restore(client),
    delay: ({ client }) => network?.restore(client),
  };
  return {
    begin: async (fault) => await begins[fault.kind](fault),
    end: async (fault) => await ends[fault.kind](fault),
  };
}

function clientOf(client: number | undefined): number {
  if (client === undefined) throw new TypeError('Expected a fault of one client');
  return client;
}
