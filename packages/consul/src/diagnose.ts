import type { Diagnosis, Finding } from '@holdfast/core/adapter';
import type { Consul } from './consul.ts';
import { RefusedError } from './errors.ts';

export async function diagnose(consul: Consul): Promise<Diagnosis> {
  const [leader, peers] = [await consul.leader(), await consul.peers()];
  const findings: Finding[] = [
    leader === ''
      ? { level: 'error', message: 'the cluster has no leader: nothing can be locked' }
      : { level: 'ok', message: 'the cluster has a leader' },
    peers.length < 3
      ? {
          level: 'warning',
          message: `${peers.length} server(s): locks can't be taken or renewed while one is down; use 3 or 5`,
        }
      : { level: 'ok', message: `${peers.length} servers` },
  ];
  try {
    const { version, isServer } = await consul.self();
    if (!isServer)
      findings.push({
        level: 'ok',
        message: 'reached through a client agent: if it leaves the cluster, its sessions end at once',
      });
    return { server: `consul ${version}`, findings };
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    findings.push({
      level: 'warning',
      message: 'the ACL token may not read the version (`agent_prefix` with policy "read")',
    });
    return { server: 'consul', findings };
  }
}
