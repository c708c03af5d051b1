import type { Capabilities, RequestMode } from '@holdfast/core';
import type { Random } from '../random.ts';
import { LONG_TTL, LONGEST_HOLD } from './spec.ts';
import type { NameSpec } from './spec.ts';

export type Verb = 'request' | 'acquire' | 'tryAcquire';

/** One thing that a client does. Durations in ms. */
export interface Step {
  readonly verb: Verb;
  readonly name: string;
  readonly mode: RequestMode;
  readonly permits: number | undefined;
  readonly ttlMs: number;
  readonly steal: boolean;
  readonly timeoutMs: number | undefined;
  readonly abortAfterMs: number | undefined;
  readonly holdMs: number;
  /** Half-way through the hold. */
  readonly renewsByHand: boolean;
  /** `false`: the hold ends by itself if it is longer than the ttl. */
  readonly renews: boolean;
  /** Before it. */
  readonly restMs: number;
  /** Close the client before it, with all that it holds or waits for, and open another. */
  readonly reopens: boolean;
}

export interface Choices {
  readonly names: readonly NameSpec[];
  readonly ttlMs: number;
  readonly capabilities: Pick<Capabilities, 'steal'>;
}

/** The same random numbers give the same steps. Every number is drawn in every step, so that no choice shifts the others. */
export function nextStep(random: Random, { names, ttlMs, capabilities }: Choices): Step {
  const { name, modes, permits } = random.pick(names);
  const mode = modes.length > 1 && random.chance(0.5) ? (modes[1] ?? 'exclusive') : 'exclusive';
  const verb = random.weighted<Verb>({ request: 4, acquire: 3, tryAcquire: 2 });
  const waits = verb !== 'tryAcquire';
  const steals = random.chance(0.015);
  const times = random.chance(0.15);
  const aborts = random.chance(0.15);
  const timeoutMs = random.between(20, ttlMs);
  const abortAfterMs = random.between(1, ttlMs);
  const length = random.weighted({ none: 4, short: 24, long: 1 });
  const shortHoldMs = random.between(1, 40);
  const longHoldMs = random.between(ttlMs / 4, ttlMs * LONGEST_HOLD);
  return {
    verb,
    name,
    mode,
    permits: mode === 'semaphore' ? permits : undefined,
    ttlMs: random.chance(0.3) ? ttlMs * LONG_TTL : ttlMs,
    steal: steals && waits && mode === 'exclusive' && capabilities.steal,
    timeoutMs: times && waits ? timeoutMs : undefined,
    abortAfterMs: aborts && waits ? abortAfterMs : undefined,
    holdMs: length === 'none' ? 0 : length === 'short' ? shortHoldMs : longHoldMs,
    renewsByHand: random.chance(0.1),
    renews: random.chance(0.95),
    restMs: random.between(0, 30),
    reopens: random.chance(0.01),
  };
}
