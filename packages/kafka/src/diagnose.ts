import type { Diagnosis, Finding } from '@holdfast/core/adapter';
import type { Cluster } from './cluster.ts';
import type { Broker } from './driver.ts';
import { unavailable } from './errors.ts';

type Versions = Broker['versions'];

const FETCH = 1;

/** No request of kafkajs asks for the release; but brokers tell which versions of Fetch they know, and here is the first release with each. */
const releases: readonly (readonly [fetch: number, release: string])[] = [
  [18, '4.1 or later'],
  [17, '3.9 or 4.0'],
  [16, '3.7 or 3.8'],
  [14, '3.5 or 3.6'],
  [13, '3.1 to 3.4'],
  [12, '2.7 to 3.0'],
];

export async function diagnose(cluster: Cluster): Promise<Diagnosis> {
  try {
    const { entries } = await cluster.ready();
    const { brokers, replicas, insync, versions } = await cluster.describe();
    return {
      server: `kafka ${releaseOf(versions)}, ${brokers} broker(s)`,
      findings: [...replicaFindings(replicas, insync), ...settingFindings(entries, replicas)],
    };
  } catch (error) {
    throw unavailable(error);
  }
}

function replicaFindings(replicas: number, insync: number): Finding[] {
  return [
    replicas < 3
      ? warning(`${replicas} replica(s) of the topic: locks are out of reach, or lost, with a broker; use 3`)
      : { level: 'ok', message: `${replicas} replicas of the topic` },
    insync < replicas
      ? warning(`only ${insync} of ${replicas} replicas are in sync`)
      : { level: 'ok', message: 'all replicas are in sync' },
  ];
}

function settingFindings(entries: ReadonlyMap<string, string>, replicas: number): Finding[] {
  if (entries.size === 0) return [warning("the topic's settings are not shown to this user: no DescribeConfigs on it")];
  const shown = ['cleanup.policy', 'message.timestamp.type', 'retention.ms'].map((key) => `${key}=${entries.get(key)}`);
  const findings: Finding[] = [{ level: 'ok', message: `the topic has ${shown.join(', ')}` }];
  if (replicas > 1 && Number(entries.get('min.insync.replicas')) < 2) {
    findings.push(warning('min.insync.replicas is 1: a lock may be known to one broker only, and lost with it'));
  }
  if (entries.get('unclean.leader.election.enable') === 'true') {
    const message = 'unclean.leader.election.enable is true: a leader that lacks records forgets locks';
    findings.push({ level: 'error', message });
  }
  if (Number(entries.get('retention.bytes') ?? -1) >= 0) {
    findings.push(warning('retention.bytes is set: records may go before they are retention.ms old'));
  }
  return findings;
}

function warning(message: string): Finding {
  return { level: 'warning', message };
}

function releaseOf(versions: Versions): string {
  const known = versions?.[FETCH]?.maxVersion ?? 0;
  return releases.find(([fetch]) => known >= fetch)?.[1] ?? 'before 2.7';
}
