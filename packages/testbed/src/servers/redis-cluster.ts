import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../port.ts';
import type { RunningServer, ServerOptions } from '../server.ts';
import { startCluster } from './cluster.ts';
import type { Cluster, ClusterOptions } from './cluster.ts';
import { redis } from './redis.ts';
import { moveSlot, slotsOf } from './redis-slots.ts';
import { resp } from './resp.ts';
import type { Reply } from './resp.ts';

const SLOTS = 16_384;
const PAUSE_MS = 50;
/** A reshard that gives up half way leaves a slot that nobody serves: a busy machine is no reason for that. */
const ANSWER_MS = 30_000;
/** As the node timeout, in ms: the shorter it is, the sooner the nodes know each other. A node that is restarted has it again. */
const JOIN_TIMEOUT_MS = 2000;

export interface RedisClusterOptions
  extends Pick<ClusterOptions, 'source' | 'hosts'>, Pick<ServerOptions, 'args' | 'password'> {
  /** Default 3: each has its share of the slots. */
  readonly masters?: number;
  /** Of each master; default 1. */
  readonly replicas?: number;
  /** How long a node must be silent until it counts as dead, in ms; default 15 s, as the server's: a busy machine is no dead one. */
  readonly nodeTimeoutMs?: number;
}

export interface RedisCluster extends Cluster {
  /** `redis+cluster://…`, with all members. */
  readonly url: string;
  /** The masters first. */
  readonly members: readonly [RunningServer, ...RunningServer[]];
  /** The master that serves the slot, as the other members see it. */
  ownerOf(slot: number): Promise<RunningServer>;
  /** Moves slots one by one, with what is in them, as `redis-cli --cluster reshard` does. */
  reshard(slots: readonly number[], to: RunningServer): Promise<void>;
  /** One command to one member. */
  ask(member: RunningServer, ...command: readonly string[]): Promise<Reply>;
}

/** Nodes of one cluster, the masters first. Each knows the others by its own address: on this host's network also in containers. */
export async function startRedisCluster(options: RedisClusterOptions = {}): Promise<RedisCluster> {
  const { masters = 3, replicas = 1, nodeTimeoutMs = 15_000, password, ...rest } = options;
  const size = masters * (1 + replicas);
  const buses: number[] = [];
  while (buses.length < size) buses.push(await freePort());
  const secret = password === undefined ? [] : ['--masterauth', password];
  const shared = [
    ...['--cluster-enabled', 'yes', '--cluster-node-timeout', `${JOIN_TIMEOUT_MS}`],
    // A replica takes over however long its link has been down, is in step soon after it was started, and counts once it was pinged.
    ...['--cluster-replica-validity-factor', '0', '--repl-diskless-sync-delay', '0', ...secret],
    ...['--repl-ping-replica-period', '1'],
  ];
  const nodes = await startCluster(
    buses.map((bus) => ({ kind: redis, args: [...shared, '--cluster-port', `${bus}`] })),
    { ...rest, ...(password === undefined ? {} : { password }) },
  );
  const members = nodes.members as RedisCluster['members'];
  const ask = async (member: RunningServer, ...command: readonly string[]): Promise<Reply> => {
    const login = password === undefined ? [] : [['AUTH', password]];
    return (await resp(member.url, undefined, [...login, command], ANSWER_MS)).at(-1) ?? '';
  };
  try {
    await join(members, buses, { masters, replicas }, ask);
    for (const member of members) await ask(member, 'CONFIG', 'SET', 'cluster-node-timeout', `${nodeTimeoutMs}`);
  } catch (error) {
    await nodes[Symbol.asyncDispose]();
    throw error;
  }
  return {
    ...nodes,
    members,
    url: nodes.url.replace(/^redis:/, 'redis+cluster:'),
    ask,
    async ownerOf(slot) {
      const views = await Promise.allSettled(members.map((member) => slotsOf(member, ask)));
      const { port } = majority(views.flatMap((view) => (view.status === 'fulfilled' ? [view.value.owner(slot)] : [])));
      const owner = members.find((member) => member.port === port);
      if (owner === undefined) throw new Error(`nobody serves slot ${slot}`);
      return owner;
    },
    async reshard(slots, to) {
      for (const slot of slots) await moveSlot(slot, to, members, ask, password);
    },
  };
}

/** Introduces the nodes to each other and deals out the slots; resolves once every one of them serves, and every replica is in step. */
async function join(
  members: RedisCluster['members'],
  buses: readonly number[],
  { masters, replicas }: Required<Pick<RedisClusterOptions, 'masters' | 'replicas'>>,
  ask: RedisCluster['ask'],
): Promise<void> {
  const [first] = members;
  await Promise.all(members.map((member, i) => ask(member, 'CLUSTER', 'SET-CONFIG-EPOCH', `${i + 1}`)));
  const share = SLOTS / masters;
  await Promise.all(
    members.slice(0, masters).map((member, i) => {
      const [from, to] = [Math.round(i * share), Math.round((i + 1) * share) - 1];
      return ask(member, 'CLUSTER', 'ADDSLOTSRANGE', `${from}`, `${to}`);
    }),
  );
  for (const [i, member] of members.entries()) {
    if (i === 0) continue;
    await ask(first, 'CLUSTER', 'MEET', new URL(member.url).hostname, `${member.port}`, `${buses[i]}`);
  }
  const ids = await Promise.all(members.map(async (member) => String(await ask(member, 'CLUSTER', 'MYID'))));
  await until(members, async (member) => {
    // A node that has not answered yet goes by a name that was made up for it.
    const known = String(await ask(member, 'CLUSTER', 'NODES'));
    return ids.every((id) => known.includes(id));
  });
  await Promise.all(
    members.slice(masters).map((member, i) => ask(member, 'CLUSTER', 'REPLICATE', ids[i % masters] ?? '')),
  );
  await until(members, async (member) => {
    const [state, replication] = [await ask(member, 'CLUSTER', 'INFO'), await ask(member, 'INFO', 'replication')];
    const slots = await slotsOf(member, ask);
    const inStep = /role:master|master_link_status:up/.test(String(replication));
    return slots.complete && slots.replicas === replicas && inStep && String(state).includes('cluster_state:ok');
  });
}

async function until(
  members: readonly RunningServer[],
  condition: (member: RunningServer) => Promise<boolean>,
): Promise<void> {
  for (const member of members) while (!(await condition(member))) await delay(PAUSE_MS);
}

/** A member that was cut off may not have heard yet. */
function majority(owners: readonly ({ readonly port: number } | undefined)[]): { port: number } {
  const ports = owners.map((owner) => owner?.port ?? 0);
  const count = (port: number): number => ports.filter((other) => other === port).length;
  return { port: ports.toSorted((a, b) => count(b) - count(a))[0] ?? 0 };
}
