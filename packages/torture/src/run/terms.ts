import type { Capabilities } from '@holdfast/core';
import { CONFIRM_MS } from '@holdfast/core/adapter';
import type { Terms } from '../check/violation.ts';
import { LONG_TTL, LONGEST_HOLD } from '../client/spec.ts';

/** Short, so that a frozen client soon loses what it holds, and not so short that a busy machine does it. In ms. */
const SHORTEST_TTL_MS = 1000;
/** How late a busy machine may be, and how long a client may need to reach a server that is back; in ms. */
const SLACK_MS = 3000;

/** The shortest ttl of a run's requests, in ms. */
export function ttlFor({ ttl }: Capabilities): number {
  return Math.max(SHORTEST_TTL_MS, ttl.minMs);
}

/** After so long a holder that stands still has surely lost its lock, in ms. */
export function takeoverFor(capabilities: Capabilities): number {
  return ttlFor(capabilities) * LONG_TTL + capabilities.ttl.granularityMs;
}

/** What this backend is held to. `clients` × `lanes` requests may wait for one name, each behind a hold or a dead waiter. */
export function termsFor(capabilities: Capabilities, requests: number): Terms {
  const ttlMs = ttlFor(capabilities) * LONG_TTL;
  const eachMs = Math.max(ttlFor(capabilities) * LONGEST_HOLD, CONFIRM_MS);
  return {
    takeover: capabilities.takeover,
    fifo: capabilities.fifo,
    ttlMs,
    granularityMs: capabilities.ttl.granularityMs,
    slackMs: SLACK_MS,
    serveMs: ttlMs + capabilities.ttl.granularityMs + SLACK_MS + requests * eachMs,
  };
}
