import { monotonicMs } from '@holdfast/core/adapter';
import type { Diagnosis, Finding } from '@holdfast/core/adapter';
import { infoOf, memoryFinding, persistenceFinding } from '../diagnose.ts';
import type { Shard } from './shard.ts';
import type { Shards } from './shards.ts';
import { SLOTS } from './slot.ts';

/** What `holdfast doctor` prints. Rejects with `BackendUnavailableError` when no master can be reached. */
export async function diagnoseCluster(shards: Shards): Promise<Diagnosis> {
  await shards.refresh();
  const masters = await shards.masters();
  const looks = await Promise.allSettled(masters.map(look));
  const seen = looks.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  const [first] = seen;
  if (first === undefined) throw (looks[0] as PromiseRejectedResult).reason;
  const findings: Finding[] = [
    {
      level: 'ok',
      message: `${masters.length} masters, ${shards.slots.replicas.size} replicas; the slowest master answered in ${Math.max(...seen.map(({ ms }) => ms)).toFixed(1)} ms`,
    },
    ...coverage(shards.slots.covered),
    ...seen.flatMap(({ address, findings: own }) =>
      own.map((finding) => ({ ...finding, message: `${address}: ${finding.message}` })),
    ),
    ...looks.flatMap((outcome, i) => (outcome.status === 'rejected' ? unreachable(masters[i], outcome.reason) : [])),
  ];
  return { server: `redis cluster ${[...new Set(seen.map(({ version }) => version))].join(', ')}`, findings };
}

interface Look {
  readonly address: string;
  readonly version: string;
  readonly ms: number;
  readonly findings: readonly Finding[];
}

async function look(shard: Shard): Promise<Look> {
  const startedAt = monotonicMs();
  const fields = await infoOf(shard);
  const ms = monotonicMs() - startedAt;
  const state = (await infoOf(shard, 'CLUSTER', 'INFO')).get('cluster_state') ?? '';
  return {
    address: shard.address,
    version: fields.get('redis_version') ?? '',
    ms,
    findings: [
      ...(state === 'ok' ? [] : [{ level: 'error', message: `the cluster's state is ${state}` } as const]),
      ...replicas(fields),
      ...memoryFinding(fields),
      ...persistenceFinding(fields),
    ],
  };
}

function coverage(covered: number): Finding[] {
  if (covered === SLOTS) return [{ level: 'ok', message: `all ${SLOTS} slots are served` }];
  return [{ level: 'error', message: `only ${covered} of ${SLOTS} slots are served` }];
}

function replicas(fields: ReadonlyMap<string, string>): Finding[] {
  if (fields.get('connected_slaves') !== '0') return [];
  return [
    { level: 'warning', message: 'no replica is connected: if this master dies, its locks wait until it is back' },
  ];
}

function unreachable(shard: Shard | undefined, reason: unknown): Finding[] {
  const met = reason instanceof Error ? reason.message : String(reason);
  return [{ level: 'error', message: `${shard?.address}: ${met}` }];
}
