import type { Judgement } from '../check/check.ts';

/**
 * `passed`: no rule is broken, and the unfenced register was corrupted, so the run was hard enough to show it.
 * `unproved`: no rule is broken, but nothing was corrupted either.
 */
export type Verdict = 'passed' | 'violated' | 'unproved';

export function verdictOf({ violations, counts }: Judgement): Verdict {
  if (violations.length > 0) return 'violated';
  return counts.unfencedCorrupted > 0 ? 'passed' : 'unproved';
}
