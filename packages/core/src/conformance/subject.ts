import type { Locks } from '../client/locks.ts';
import { createLocks } from '../config/create-locks.ts';
import type { LocksConfig } from '../config/create-locks.ts';
import { defaultPorts } from '../config/default-ports.ts';
import { parseHost, parseHostsUrl } from '../config/hosts-url.ts';
import { schemeOf } from '../config/redact.ts';
import { ConfigError } from '../errors.ts';
import { membersIn, quorumUrl } from '../quorum/members-url.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** How a second process, or a second thread where locks end at the process, comes by its own client. */
export interface PeerSource {
  readonly kind: 'process' | 'thread';
  /** What the peer's `open` gets; must survive a structured clone. `via`: through the fault proxy at that address. */
  data(via?: Address, vias?: readonly Address[]): unknown;
  /** URL of a JavaScript module whose `open(data)` resolves to `Locks`; default: `data` is a config for `createLocks`. */
  readonly module?: string;
}

/** What a binding gives: a backend to put through the suite, and the ways to reach it. */
export interface Subject {
  readonly name: string;
  /** A new client over a new backend. `via`: through the fault proxy at that address; `vias`: at these, one for each of several servers. */
  open(via?: Address, vias?: readonly Address[]): Promise<Locks>;
  readonly peers: PeerSource;
  /**
   * Where the server listens. Needed when the manifest's `reach` is `network`: the fault proxy stands in front of it. Of a quorum or a cluster, where all
   * its servers listen: what is cut off is the client.
   */
  readonly server?: Address | readonly Address[];
}

/**
 * The subject for a URL of one host, such as `redis://localhost:6379` or `file:///var/lock/app`, of a quorum of such
 * (`quorum:redis://a,redis://b,redis://c`), or of a Redis Cluster.
 */
export function urlSubject(url: string): Subject {
  if (schemeOf(url) === 'quorum:') return quorumSubject(membersIn(url));
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

function quorumSubject(members: readonly string[]): Subject {
  const server = members.map((member) => {
    const address = addressOf(member);
    if (address === undefined) throw new ConfigError('Expected a quorum of servers that are reached over the network');
    return address;
  });
  const through = (_via?: Address, vias: readonly Address[] = server): string =>
    quorumUrl(members.map((member, i) => withAddress(member, vias[i] as Address)));
  return {
    name: 'quorum',
    open: (via, vias) => createLocks(through(via, vias)),
    peers: { kind: 'process', data: through },
    server,
  };
}

/** Clients go on to the addresses that the nodes announce: those must be the URL's, for the proxies stand in front of them. */
function redisClusterSubject(url: string): Subject {
  const server = parseHostsUrl('redis', url, 'redis+cluster://host1:6379,host2:6379').hosts.map((host) =>
    parseHost('redis', host, 6379),
  );
  const through = (_via?: Address, vias?: readonly Address[]): string | LocksConfig => {
    if (vias === undefined) return url;
    const natMap = Object.fromEntries(server.map(({ host, port }, i) => [`${host}:${port}`, vias[i]]));
    return { backend: url, options: { natMap } };
  };
  return {
    name: 'redis+cluster',
    open: (via, vias) => createLocks(through(via, vias)),
    peers: { kind: 'process', data: through },
    server,
  };
}

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
