import { freePort } from '../port.ts';
import { startServer } from '../start.ts';
import { clusterOf } from './cluster.ts';
import type { Cluster } from './cluster.ts';

/** Members of one cluster, from the binary: they have to reach each other, which containers on ports of the host can't. */
export async function startEtcdCluster(size = 3): Promise<Cluster> {
  const peers: string[] = [];
  for (let i = 0; i < size; i += 1) peers.push(`http://127.0.0.1:${await freePort()}`);
  const cluster = ['--initial-cluster', peers.map((peer, i) => `member${i}=${peer}`).join(',')];
  return clusterOf(
    peers.map((peer, i) => {
      const own = ['--name', `member${i}`, '--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer];
      return startServer('etcd', { source: 'native', args: [...cluster, ...own] });
    }),
  );
}

export type EtcdCluster = Cluster;
