import type { Diagnosis, Finding } from '@holdfast/core/adapter';
import type { BackendOptions } from './backend.ts';
import { Code } from './errors.ts';
import { getChildren } from './protocol/operations.ts';
import { hasCode } from './queue/codes.ts';
import { fourLetterWord } from './session/four-letter-word.ts';
import type { ZooKeeperSession } from './session/session.ts';

export async function diagnose(session: ZooKeeperSession, { ensemble, root }: BackendOptions): Promise<Diagnosis> {
  const findings: Finding[] = [
    {
      level: 'ok',
      message: session.hasPeers
        ? 'The server is one of an ensemble'
        : 'The server stands alone: while it is down, no lock is granted',
    },
    await rootFinding(session, root),
  ];
  return { server: await serverOf(ensemble.options.hosts), findings };
}

async function rootFinding(session: ZooKeeperSession, root: string): Promise<Finding> {
  try {
    const { names } = await session.call(getChildren(root, false));
    return { level: 'ok', message: `${root} is readable; it has the queues of ${names.length} names` };
  } catch (error) {
    if (hasCode(error, Code.noNode))
      return { level: 'ok', message: `${root} does not exist yet; the first lock creates it` };
    if (hasCode(error, Code.noAuth)) return { level: 'error', message: `These credentials may not read ${root}` };
    throw error;
  }
}

/** The version is only in the answer to `srvr`, which servers allow by default but may be told not to. */
async function serverOf(hosts: BackendOptions['ensemble']['options']['hosts']): Promise<string> {
  for (const host of hosts) {
    const answer = await fourLetterWord(host, 'srvr').catch(() => '');
    const version = /^Zookeeper version: ([\d.]+)/m.exec(answer)?.[1];
    if (version !== undefined) return `zookeeper ${version}`;
  }
  return 'zookeeper (which version, it does not tell: `srvr` is not allowed)';
}
