import type { Diagnosis, Finding } from '@holdfast/core/adapter';
import type { Connection } from './connection.ts';

/** Releases that their project maintains no more, or soon not. */
const OLDEST_MAINTAINED = [3, 5] as const;

export async function diagnose(connection: Connection): Promise<Diagnosis> {
  const { version, leader, errors } = await connection.ask((client, options) => client.maintenance.status(options));
  const { members } = await connection.ask((client, options) => client.cluster.memberList({}, options));
  const findings: Finding[] = [
    leader === '0'
      ? { level: 'error', message: 'the cluster has no leader: nothing can be locked' }
      : { level: 'ok', message: 'the cluster has a leader' },
    members.length < 3
      ? {
          level: 'warning',
          message: `${members.length} member(s): locks can't be taken or renewed while one is down; use 3 or 5`,
        }
      : { level: 'ok', message: `${members.length} members` },
    ...errors.map((message): Finding => ({ level: 'error', message })),
  ];
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major < OLDEST_MAINTAINED[0] || (major === OLDEST_MAINTAINED[0] && minor < OLDEST_MAINTAINED[1])) {
    findings.push({ level: 'warning', message: `etcd ${version} is no longer maintained` });
  }
  return { server: `etcd ${version}`, findings };
}
