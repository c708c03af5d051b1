import {
  startConsulCluster,
  startEtcdCluster,
  startHosts,
  startKafkaCluster,
  startRabbitmqCluster,
} from '@holdfast/testbed';
import type { Cluster, ClusterOptions } from '@holdfast/testbed';
import { processHost } from '../crew/process-host.ts';
import type { Arena } from './arena.ts';
import { Members } from './members.ts';
import type { LeaderOf } from './members.ts';

const SIZE = 3;
/** Of the question who leads, in ms. */
const TIMEOUT_MS = 1000;

interface ClusterKind {
  readonly start: (options: ClusterOptions) => Promise<Cluster>;
  readonly leaderOf: LeaderOf;
}

/** Each partition and each queue has a leader of its own, on any of the members. */
const manyLead: LeaderOf = () => Promise.resolve(undefined);

const kinds: Readonly<Record<string, ClusterKind>> = {
  'consul-cluster': { start: startConsulCluster, leaderOf: asked(leadsConsul) },
  'etcd-cluster': { start: startEtcdCluster, leaderOf: asked(leadsEtcd) },
  'kafka-cluster': { start: startKafkaCluster, leaderOf: manyLead },
  'rabbitmq-cluster': { start: startRabbitmqCluster, leaderOf: manyLead },
};

export const clusterNames: readonly string[] = Object.keys(kinds);

/** Three members in network namespaces of their own; the clients stay on this machine, and reach each of them. */
export async function clusterArena(name: string): Promise<Arena> {
  const kind = kinds[name];
  if (kind === undefined) throw new TypeError(`${name} is no cluster`);
  const network = await startHosts(SIZE);
  const cluster = await kind.start({ hosts: network.hosts }).catch(async (error: unknown) => {
    await network[Symbol.asyncDispose]();
    throw error;
  });
  return {
    url: cluster.url,
    version: `${name} ${cluster.members[0]?.version}, ${SIZE} members`,
    host: processHost,
    members: new Members(cluster, network, kind.leaderOf),
    network: false,
    async [Symbol.asyncDispose]() {
      await cluster[Symbol.asyncDispose]();
      await network[Symbol.asyncDispose]();
    },
  };
}

/** Asks every member whether it leads; who was cut off may still say so, then whoever says so first is taken. */
function asked(leads: (base: string) => Promise<boolean>): LeaderOf {
  return async ({ members }) => {
    const claims = await Promise.allSettled(members.map(({ url }) => leads(`http://${new URL(url).host}`)));
    const index = claims.findIndex((claim) => claim.status === 'fulfilled' && claim.value);
    return index < 0 ? undefined : index;
  };
}

/** Source: etcd's gRPC gateway, `Maintenance.Status`. */
async function leadsEtcd(base: string): Promise<boolean> {
  const { header, leader } = (await json(`${base}/v3/maintenance/status`, { method: 'POST', body: '{}' })) as {
    header: { member_id: string };
    leader: string;
  };
  return header.member_id === leader;
}

/** Source: Consul's HTTP API, `/v1/agent/self`. */
async function leadsConsul(base: string): Promise<boolean> {
  const { Stats } = (await json(`${base}/v1/agent/self`)) as { Stats: { consul: { leader: string } } };
  return Stats.consul.leader === 'true';
}

async function json(url: string, init?: RequestInit): Promise<unknown> {
  return (await fetch(url, { ...init, signal: AbortSignal.timeout(TIMEOUT_MS) })).json();
}
