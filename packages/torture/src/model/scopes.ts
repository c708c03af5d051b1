import type { Scope } from './world.ts';

const exclusive = { mode: 'exclusive' } as const;
const shared = { mode: 'shared' } as const;
const plain: Omit<Scope, 'clients'> = {
  requests: 1,
  crashes: 0,
  late: 0,
  ticks: 3,
  aborts: false,
  renewals: 0,
  writes: false,
};

/** Small enough to be explored in seconds, and together enough for every broken protocol to be found out. */
export const scopes: Readonly<Record<string, Scope>> = {
  'three clients, two requests each, within the time to confirm': {
    ...plain,
    clients: [exclusive, exclusive, exclusive],
    requests: 2,
    ticks: 1,
  },
  'three clients, one crashes, beyond a ttl': { ...plain, clients: [exclusive, exclusive, exclusive], crashes: 1 },
  'two clients with all that one can do, and a late message': {
    ...plain,
    clients: [exclusive, exclusive],
    crashes: 1,
    late: 1,
    aborts: true,
    renewals: 1,
    writes: true,
  },
  'readers and a writer': { ...plain, clients: [shared, shared, exclusive] },
  'a thief': { ...plain, clients: [exclusive, exclusive, { ...exclusive, steals: true }], ticks: 1, writes: true },
};
