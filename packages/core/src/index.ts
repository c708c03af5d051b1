export { createLocks } from './config/create-locks.ts';
export type { LocksConfig, NamedBackendConfig } from './config/create-locks.ts';
export { defineConfig } from './config/config.ts';
export type { BackendConfig, BackendsConfig, HoldfastConfig } from './config/config.ts';
export { Locks } from './client/locks.ts';
export type { LocksOptions } from './client/locks.ts';
export type { Lock } from './client/lock.ts';
export type { Semaphore } from './client/semaphore.ts';
export type {
  AcquireOptions,
  IfAvailableOptions,
  Permitted,
  RequestOptions,
  TryAcquireOptions,
} from './client/options.ts';
export type { LockEvent } from './client/events.ts';
export type { Duration } from './config/duration.ts';
export { quorum } from './quorum/quorum.ts';
export type { MemberConfig, QuorumMember } from './quorum/members.ts';
export { redactUrl } from './config/redact.ts';
export {
  BackendUnavailableError,
  ConfigError,
  HoldfastError,
  InvalidArgumentError,
  LockLostError,
  LocksClosedError,
  LockTimeoutError,
  UnsupportedError,
} from './errors.ts';
export type { LossReason } from './errors.ts';
export type * from './contract.ts';
