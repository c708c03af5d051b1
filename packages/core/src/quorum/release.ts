import type { ReleaseResult } from '../contract.ts';
import { unreachable } from './hold.ts';
import type { Vote } from './vote.ts';

/**
 * Gives all votes of a hold back. Resolves when so many members have theirs that others can have a majority; rejects when that many can't be
 * told: the rest ends with its ttl. `track` gets what ends when all have answered.
 */
export function releaseAll(
  votes: readonly Vote[],
  majority: number,
  track: (told: Promise<unknown>) => void,
): Promise<ReleaseResult> {
  const enough = Math.min(majority, votes.length);
  if (enough === 0) return Promise.resolve('not-held');
  const failures: unknown[] = [];
  let told = 0;
  let released = 0;
  return new Promise((resolve, reject) => {
    const answered = (): void => {
      if (told >= enough) resolve(released >= majority ? 'released' : 'not-held');
      else if (votes.length - failures.length < enough) reject(unreachable(failures));
    };
    const tell = async ({ member, grant }: Vote): Promise<void> => {
      try {
        if ((await member.release(grant)) === 'released') released += 1;
        told += 1;
      } catch (error) {
        grant.lease.end();
        failures.push(error);
      }
      answered();
    };
    track(Promise.all(votes.map(tell)));
  });
}
