/** What adapter authors need beside the contract: `import { Lease, … } from '@holdfast/core/adapter'`. */
export * from './contract.ts';
export * from './errors.ts';
export { monotonicMs } from './clock.ts';
export { Lease } from './lease.ts';
export { driftMarginMs } from './lease-terms.ts';
export type {
  GrantLease,
  LeaseEvent,
  LeaseOptions,
  LeaseSource,
  LeaseState,
  LeaseTerms,
  RenewResult,
} from './lease-terms.ts';
export { SharedLease } from './shared-lease.ts';
export { keptWhile } from './kept-while.ts';
export { Sessions } from './sessions.ts';
export type { Session, SessionsOptions } from './sessions.ts';
export { grantedCount } from './grant-rule.ts';
export type { Place } from './grant-rule.ts';
export { apply, CONFIRM_MS, emptyQueue, find, nextExpiry, snapshot } from './queue.ts';
export type { QueueChange, QueueEntry, QueueEvent, QueueState } from './queue.ts';
export { pollUntilGranted } from './poll.ts';
export type { PollOptions } from './poll.ts';
export { abortable } from './abortable.ts';
export { Patience } from './patience.ts';
export type { Pending } from './patience.ts';
export { batched } from './batch.ts';
export { parseDuration } from './config/duration.ts';
export { parseOptions, urlOptions } from './config/options.ts';
export { parseHost, parseHostsUrl } from './config/hosts-url.ts';
export type { HostsUrl } from './config/hosts-url.ts';
