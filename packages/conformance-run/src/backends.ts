import type { ServerName } from '@holdfast/testbed';

/** What the suite can be run against. */
export interface Backend {
  /** On the command line and in reports. */
  readonly name: string;
  readonly at: Whereabouts;
  /** What server, suite and its client processes take together at their peak, as measured, in MiB. */
  readonly footprintMiB: number;
  /** Only when it is named: a second version of a server, which takes its time to fetch. */
  readonly onRequest?: boolean;
}

export type Whereabouts =
  | { readonly kind: 'memory' }
  | { readonly kind: 'file' }
  /** `query`: what is added to the server's URL. */
  | { readonly kind: 'server'; readonly server: ServerName; readonly query?: string }
  /** A master that sentinels watch. */
  | { readonly kind: 'redis-sentinel'; readonly query?: string }
  /** So many servers that know nothing of each other, as one quorum. */
  | { readonly kind: 'quorum'; readonly server: ServerName; readonly size: number; readonly query: string }
  /** Servers that know each other. */
  | { readonly kind: 'cluster'; readonly cluster: 'redis' }
  /** `open(data)` of the module resolves to `Locks` of the threads of one process. */
  | { readonly kind: 'module'; readonly url: string };

const LEASE = 'mode=lease';

/** Those that take longest first, so that none of them is left to run alone in the end. */
export const backends: readonly Backend[] = [
  server('consul', 550),
  server('zookeeper', 700),
  server('kafka', 1000),
  server('etcd', 450),
  server('rabbitmq', 600),
  server('postgres', 500),
  server('mysql', 550),
  { name: 'mysql-lease', at: { kind: 'server', server: 'mysql', query: LEASE }, footprintMiB: 550 },
  server('redis', 400),
  { name: 'redis-sentinel', at: { kind: 'redis-sentinel' }, footprintMiB: 450 },
  {
    // The suite has locks of many ttls, and its servers are never restarted.
    name: 'redis-quorum',
    at: { kind: 'quorum', server: 'redis', size: 5, query: 'quarantine=0' },
    footprintMiB: 450,
  },
  { name: 'redis-cluster', at: { kind: 'cluster', cluster: 'redis' }, footprintMiB: 500 },
  { name: 'file', at: { kind: 'file' }, footprintMiB: 350 },
  { name: 'memory', at: { kind: 'memory' }, footprintMiB: 250 },
  // Nothing counts but what both replicas have.
  {
    name: 'redis-sentinel-replicas',
    at: { kind: 'redis-sentinel', query: 'replicas=2' },
    footprintMiB: 450,
    onRequest: true,
  },
  { ...server('mysql-community', 900), onRequest: true },
  {
    name: 'mysql-community-lease',
    at: { kind: 'server', server: 'mysql-community', query: LEASE },
    footprintMiB: 900,
    onRequest: true,
  },
  { ...server('valkey', 400), onRequest: true },
  { ...server('rabbitmq4', 600), onRequest: true },
];

const MODULE = 'module:';

/** `module:` and a URL stands for itself; it is how the runner's own tests bring a broken backend. */
export function backendNamed(name: string): Backend | undefined {
  if (!name.startsWith(MODULE)) return backends.find((backend) => backend.name === name);
  const url = name.slice(MODULE.length);
  return { name: `module ${url.replace(/^.*\//, '')}`, at: { kind: 'module', url }, footprintMiB: 250 };
}

function server(name: ServerName, footprintMiB: number): Backend {
  return { name, at: { kind: 'server', server: name }, footprintMiB };
}
