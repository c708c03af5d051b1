import { addressesOf, startCluster } from './cluster.ts';
import type { Cluster, ClusterOptions } from './cluster.ts';
import { consul } from './consul.ts';

/** Servers of one cluster: Linux only. */
export async function startConsulCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const addresses = await addressesOf(options);
  const cluster = [
    `-bootstrap-expect=${addresses.length}`,
    '-retry-interval=1s',
    ...addresses.map((address) => `-retry-join=${address}`),
  ];
  return startCluster(
    addresses.map((address, i) => ({ kind: consul, args: [...cluster, `-node=member${i}`, `-bind=${address}`] })),
    options,
  );
}

export type ConsulCluster = Cluster;
