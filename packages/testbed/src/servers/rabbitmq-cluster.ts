import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../port.ts';
import type { RunningServer, ServerOptions } from '../server.ts';
import { addressesOf, startCluster } from './cluster.ts';
import type { Cluster, ClusterOptions } from './cluster.ts';
import { evaluate } from './erlang.ts';
import type { ErlangNode } from './erlang.ts';
import { rabbitmqNode } from './rabbitmq.ts';

const PAUSE_MS = 100;

/** `tls` is not among them: every member has a certificate of its own. */
export interface RabbitmqClusterOptions extends ClusterOptions, Pick<ServerOptions, 'args' | 'password'> {}

export interface RabbitmqCluster extends Cluster {
  /** Which member leads a quorum queue of the virtual host `/`, as the members that answer say. */
  leaderOf(queue: string): Promise<RunningServer>;
}

/**
 * Nodes of one cluster: Linux only. They are asked about each other with Erlang's `erl_call`
 * of this host, whatever their source.
 */
export async function startRabbitmqCluster(options: RabbitmqClusterOptions = {}): Promise<RabbitmqCluster> {
  const [port, addresses] = await Promise.all([freePort(), addressesOf(options)]);
  const nodes = addresses.map((address): ErlangNode => ({ address, port, cookie: 'testbed' }));
  const discovery = [
    'cluster_formation.peer_discovery_backend = classic_config',
    ...addresses.map((address, i) => `cluster_formation.classic_config.nodes.${i + 1} = rabbit@${address}`),
  ];
  const cluster = await startCluster(
    nodes.map((node) => ({ kind: rabbitmqNode(() => node), args: discovery })),
    options,
  );
  try {
    await Promise.all(nodes.map((node) => untilJoined(node, nodes.length)));
  } catch (error) {
    await cluster[Symbol.asyncDispose]();
    throw error;
  }
  return {
    ...cluster,
    async leaderOf(queue) {
      const address = await Promise.any(nodes.map((node) => leaderOn(node, queue)));
      const leader = cluster.members[addresses.indexOf(address)];
      if (leader === undefined) throw new Error(`${address} is no member`);
      return leader;
    },
  };
}

/** A node may serve clients before it has heard of all others. */
async function untilJoined(node: ErlangNode, size: number): Promise<void> {
  while ((await evaluate(node, 'length(rabbit_nodes:all_running())')) !== `${size}`) await delay(PAUSE_MS);
}

/** The address of the leader, by the word of the queue's own consensus. */
async function leaderOn(node: ErlangNode, queue: string): Promise<string> {
  const name = `rabbit_misc:r(<<"/">>, queue, <<${[...Buffer.from(queue)].join(',')}>>)`;
  const member = `begin {ok, Q} = rabbit_amqqueue:lookup(${name}), {element(1, amqqueue:get_pid(Q)), node()} end`;
  const leader = await evaluate(node, `element(2, element(3, {ok, _, _} = ra:members(${member}, 1000)))`);
  return leader.replace(/^'rabbit@(.*)'$/, '$1');
}
