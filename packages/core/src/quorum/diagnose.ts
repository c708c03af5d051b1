import type { Diagnosis, Finding, LockBackend } from '../contract.ts';

/** What each member says of itself; one that can't be reached is a finding, not a failure. */
export async function diagnose(members: readonly LockBackend[]): Promise<Diagnosis> {
  const findings = await Promise.all(members.map(async (member, i) => await findingsOf(member, `member ${i + 1}`)));
  return { server: `a quorum of ${members.length}`, findings: findings.flat() };
}

async function findingsOf(member: LockBackend, who: string): Promise<Finding[]> {
  try {
    const { server, findings } = (await member.diagnose?.()) ?? { server: member.name, findings: [] };
    return [
      { level: 'ok', message: `${who} is ${server}` },
      ...findings.map(({ level, message }): Finding => ({ level, message: `${who}: ${message}` })),
    ];
  } catch (error) {
    return [{ level: 'error', message: `${who}: ${error instanceof Error ? error.message : String(error)}` }];
  }
}
