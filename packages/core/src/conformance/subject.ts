import type { Locks } from '../client/locks.ts';
import { createLocks } from '../config/create-locks.ts';
import type { LocksConfig } from '../config/create-locks.ts';
import { parseHost, parseHostsUrl } from '../config/hosts-url.ts';
import { schemeOf } from '../config/redact.ts';
import { ConfigError } from '../errors.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
  /** Of a server that is several, all of which clients connect to: the addresses of the others. */
  readonly others?: readonly Address[];
}

/** How a second process, or a second thread where locks end at the process, comes by its own client. */
export interface PeerSource {
  readonly kind: 'process' | 'thread';
  /** What the peer's `open` gets; must survive a structured clone. `via`: through the fault proxy at that address. */
  data(via?: Address): unknown;
  /** URL of a JavaScript module whose `open(data)` resolves to `Locks`; default: `data` is a config for `createLocks`. */
  readonly module?: string;
}

/** What a binding gives: a backend to put through the suite, and the ways to reach it. */
export interface Subject {
  readonly name: string;
  /** A new client over a new backend. `via`: through the fault proxy at that address. */
  open(via?: Address): Promise<Locks>;
  readonly peers: PeerSource;
  /** Where the server listens. Needed when the manifest's `reach` is `network`: the fault proxy stands in front of it. */
  readonly server?: Address;
}

/** The subject for a URL of one host, such as `redis://localhost:6379` or `file:///var/lock/app`, or of a Redis Cluster. */
export function urlSubject(url: string): Subject {
  if (/^rediss?\+cluster:/i.test(url)) return redisClusterSubject(url);
  const through = (via?: Address): string => (via === undefined ? url : staying(withAddress(url, via)));
  if (schemeOf(url) === 'memory:') {
    throw new ConfigError(
      'A memory URL means another space in each thread; give the suite a Subject whose threads share one',
    );
  }
  const server = addressOf(url);
  return {
    name: (schemeOf(url) ?? url).replace(/:$/, ''),
    open: (via) => createLocks(through(via)),
    peers: { kind: 'process', data: through },
    ...(server === undefined ? {} : { server }),
  };
}

/** Clients go on to the addresses that the nodes announce: those must be the URL's, for the proxies stand in front of them. */
function redisClusterSubject(url: string): Subject {
  const nodes = parseHostsUrl('redis', url, 'redis+cluster://host1:6379,host2:6379').hosts.map((host) =>
    parseHost('redis', host, 6379),
  );
  const [first, ...others] = nodes;
  if (first === undefined) throw new ConfigError('Expected the URL of a Redis Cluster to name its nodes');
  const through = (via?: Address): string | LocksConfig => {
    if (via === undefined) return url;
    const proxies = [via, ...(via.others ?? [])];
    const natMap = Object.fromEntries(nodes.map(({ host, port }, i) => [`${host}:${port}`, proxies[i] ?? via]));
    return { backend: url, options: { natMap } };
  };
  return {
    name: 'redis+cluster',
    open: (via) => createLocks(through(via)),
    peers: { kind: 'process', data: through },
    server: { ...first, others },
  };
}

const defaultPorts: Readonly<Record<string, number>> = {
  'redis:': 6379,
  'rediss:': 6379,
  'etcd:': 2379,
  'etcds:': 2379,
  'zookeeper:': 2181,
  'consul:': 8500,
  'consuls:': 8500,
  'postgres:': 5432,
  'postgresql:': 5432,
  'mysql:': 3306,
  'mariadb:': 3306,
  'amqp:': 5672,
  'amqps:': 5671,
  'kafka:': 9092,
};

function addressOf(url: string): Address | undefined {
  if (!URL.canParse(url))
    throw new ConfigError('Expected the URL of a backend on one host, such as redis://localhost:6379');
  const { protocol, hostname, port } = new URL(url);
  const number = port === '' ? defaultPorts[protocol] : Number(port);
  return hostname === '' || number === undefined ? undefined : { host: hostname.replace(/^\[|\]$/g, ''), port: number };
}

/** Kafka's clients go on to the address that the broker advertises, past the proxy, unless they are told to stay. */
function staying(url: string): string {
  if (schemeOf(url) !== 'kafka:' || /[?&]viaBootstrap=/.test(url)) return url;
  return `${url}${url.includes('?') ? '&' : '?'}viaBootstrap=true`;
}

/** Not by `URL`'s setters: they refuse to change the host of some schemes. */
function withAddress(url: string, { host, port }: Address): string {
  return url.replace(
    /^([a-z][a-z0-9+.-]*:\/\/(?:[^/?#]*@)?)[^/?#]*/i,
    (_, before: string) => `${before}${host}:${port}`,
  );
}
