import type { ServerOptions } from '../server.ts';
import { addressesOf, startCluster } from './cluster.ts';
import type { Cluster } from './cluster.ts';
import { consul } from './consul.ts';

/** Servers of one cluster, on loopback addresses of their own: Linux only. */
export async function startConsulCluster(size = 3, options: Pick<ServerOptions, 'source'> = {}): Promise<Cluster> {
  const addresses = await addressesOf(size);
  const cluster = [
    `-bootstrap-expect=${size}`,
    '-retry-interval=1s',
    ...addresses.map((address) => `-retry-join=${address}`),
  ];
  return startCluster(
    addresses.map((address, i) => ({ kind: consul, args: [...cluster, `-node=member${i}`, `-bind=${address}`] })),
    options,
  );
}

export type ConsulCluster = Cluster;
