import type { Diagnosis, Finding } from '@holdfast/core/adapter';
import type { Cluster } from './cluster.ts';
import { unavailable } from './errors.ts';

/** By the highest version of an API that a release was the first to have; kafkajs can't ask for the release itself. */
const FETCH = 1;
const PRODUCE = 0;

export async function diagnose(cluster: Cluster): Promise<Diagnosis> {
  try {
    const { entries } = await cluster.ready();
    const { brokers, replicas, insync, versions } = await cluster.describe();
    const setting = (name: string): string => entries.get(name) ?? 'not shown to this user';
    const findings: Finding[] = [
      entries.size === 0
        ? { level: 'warning', message: "the topic's settings are not shown to this user: DescribeConfigs on the topic" }
        : { level: 'ok', message: `the topic has ${setting('cleanup.policy')}, ${setting('message.timestamp.type')}` },
      replicas < 3
        ? {
            level: 'warning',
            message: `${replicas} replica(s) of the topic: locks are out of reach, or lost, with a broker; use 3`,
          }
        : { level: 'ok', message: `${replicas} replicas of the topic` },
      insync < replicas
        ? { level: 'warning', message: `only ${insync} of ${replicas} replicas are in sync` }
        : { level: 'ok', message: 'all replicas are in sync' },
    ];
    if (replicas > 1 && Number(entries.get('min.insync.replicas') ?? 2) < 2) {
      findings.push({
        level: 'warning',
        message: 'min.insync.replicas is 1: a lock may be known to one broker only, and lost with it',
      });
    }
    if (entries.get('unclean.leader.election.enable') === 'true') {
      findings.push({
        level: 'error',
        message: 'unclean.leader.election.enable: a leader that lacks records would forget locks',
      });
    }
    if (Number(entries.get('retention.bytes') ?? -1) >= 0) {
      findings.push({
        level: 'warning',
        message: 'retention.bytes: records may go before they are a retention.ms old',
      });
    }
    return { server: `kafka, ${brokers} broker(s), ${release(versions)}`, findings };
  } catch (error) {
    throw unavailable(error);
  }
}

/** What can be told of the release. */
function release(versions: Readonly<Record<number, { readonly maxVersion: number }>> | null): string {
  const produce = versions?.[PRODUCE]?.maxVersion ?? 0;
  const fetch = versions?.[FETCH]?.maxVersion ?? 0;
  return `protocol produce ${produce}, fetch ${fetch}`;
}
