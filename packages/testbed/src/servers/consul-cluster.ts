import { startServer } from '../start.ts';
import { addressesOf, clusterOf } from './cluster.ts';
import type { Cluster } from './cluster.ts';

/** Servers of one cluster, from the binary, on loopback addresses of their own: Linux only. */
export async function startConsulCluster(size = 3): Promise<Cluster> {
  const addresses = await addressesOf(size);
  const cluster = [
    `-bootstrap-expect=${size}`,
    '-retry-interval=1s',
    ...addresses.map((address) => `-retry-join=${address}`),
  ];
  return clusterOf(
    addresses.map((address, i) =>
      startServer('consul', { source: 'native', args: [...cluster, `-node=member${i}`, `-bind=${address}`] }),
    ),
  );
}

export type ConsulCluster = Cluster;
