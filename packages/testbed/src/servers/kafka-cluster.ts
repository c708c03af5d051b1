import type { ServerOptions } from '../server.ts';
import { addressesOf, startCluster } from './cluster.ts';
import type { Cluster, ClusterOptions } from './cluster.ts';
import { kafkaNode } from './kafka.ts';

/**
 * Brokers of one cluster: Linux only. A topic has three replicas unless it is created
 * otherwise, two of which must have a record; their ids are 1, 2, 3 in the order of `members`.
 */
export async function startKafkaCluster(options: KafkaClusterOptions = {}): Promise<Cluster> {
  const cluster = await addressesOf(options);
  return startCluster(
    cluster.map((address, i) => ({ kind: kafkaNode(() => ({ id: i + 1, address, cluster })) })),
    options,
  );
}

/** `tls` is not among them: every member has a certificate of its own. */
export interface KafkaClusterOptions extends ClusterOptions, Pick<ServerOptions, 'args' | 'password'> {}
