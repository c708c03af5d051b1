import type { Grant } from '../contract.ts';
import type { Member } from './member.ts';

/** What one member granted. */
export interface Vote {
  readonly member: Member;
  readonly grant: Grant;
}

/** Never rejects: a member that can't be told drops the vote after its ttl. */
export async function giveBack({ member, grant }: Vote): Promise<void> {
  try {
    await member.release(grant);
  } catch {
    grant.lease.end();
  }
}
