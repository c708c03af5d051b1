import { monotonicMs } from '@holdfast/core/adapter';
import type { Diagnosis, Finding } from '@holdfast/core/adapter';
import { replicaFindings, sentinelFindings } from './sentinel/diagnose.ts';
import type { Sentinels } from './sentinel/sentinels.ts';
import type { Node } from './servers.ts';

export interface DiagnoseOptions {
  readonly node: Node;
  /** How many replicas must have a grant. */
  readonly replicas: number;
  readonly sentinels?: Sentinels | undefined;
}

/** What `holdfast doctor` prints. Rejects with `BackendUnavailableError`. */
export async function diagnose({ node, replicas, sentinels }: DiagnoseOptions): Promise<Diagnosis> {
  const startedAt = monotonicMs();
  const fields = await infoOf(node);
  const roundTripMs = monotonicMs() - startedAt;
  const version = fields.get('redis_version') ?? '';
  const findings: Finding[] = [
    { level: 'ok', message: `answered INFO in ${roundTripMs.toFixed(1)} ms` },
    ...versionFinding(version),
    ...roleFinding(fields),
    ...(sentinels === undefined ? [] : await sentinelFindings(sentinels)),
    ...replicaFindings(fields, replicas),
    ...memoryFinding(fields),
    ...persistenceFinding(fields),
  ];
  return { server: `redis ${version}`, findings };
}

/** The fields of INFO, or of another answer of its form. */
export async function infoOf(node: Node, ...command: readonly string[]): Promise<Map<string, string>> {
  const [first = 'INFO', ...rest] = command;
  try {
    const text = String(await node.bounded(node.link.open().call(first, ...rest)));
    return new Map(Array.from(text.matchAll(/^([a-z_]+):(.*?)\r?$/gm), ([, name = '', value = '']) => [name, value]));
  } catch (error) {
    throw node.link.fault(error);
  }
}

function versionFinding(version: string): Finding[] {
  if (Number.parseInt(version, 10) >= 6) return [];
  return [{ level: 'error', message: `version ${version} is older than 6.0, the oldest that is supported` }];
}

function roleFinding(fields: Map<string, string>): Finding[] {
  if (fields.get('role') === 'master') return [];
  return [{ level: 'error', message: 'this is a replica: locks need the primary' }];
}

export function memoryFinding(fields: Map<string, string>): Finding[] {
  const policy = fields.get('maxmemory_policy') ?? 'noeviction';
  if (policy === 'noeviction') return [];
  const level = fields.get('maxmemory') === '0' ? 'ok' : 'warning';
  return [
    { level, message: `maxmemory-policy is ${policy}: when memory runs out, locks that are held may be evicted` },
  ];
}

export function persistenceFinding(fields: Map<string, string>): Finding[] {
  if (fields.get('aof_enabled') === '1') return [];
  return [
    {
      level: 'ok',
      message: 'no append-only file: a restart forgets locks (their holders are told by their next renewal)',
    },
  ];
}
