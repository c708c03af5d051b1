import { freePort } from '../port.ts';
import { startCluster } from './cluster.ts';
import type { Cluster, ClusterOptions } from './cluster.ts';
import { etcd } from './etcd.ts';

/** Members of one cluster. */
export async function startEtcdCluster({ size = 3, ...options }: ClusterOptions = {}): Promise<Cluster> {
  const peers: string[] = [];
  for (let i = 0; i < size; i += 1)
    peers.push(`http://${options.hosts?.[i]?.address ?? '127.0.0.1'}:${await freePort()}`);
  const cluster = ['--initial-cluster', peers.map((peer, i) => `member${i}=${peer}`).join(',')];
  return startCluster(
    peers.map((peer, i) => {
      const own = ['--name', `member${i}`, '--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer];
      return { kind: etcd, args: [...cluster, ...own] };
    }),
    options,
  );
}

export type EtcdCluster = Cluster;
