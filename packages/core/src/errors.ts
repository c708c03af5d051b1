/** Every error that Holdfast throws has a stable `code`; test that rather than the class when copies of core may differ. */
export class HoldfastError extends Error {
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** `LOCK_TIMEOUT`: the wait exceeded `timeout`. Nothing is held and nothing waits. */
export class LockTimeoutError extends HoldfastError {
  constructor(message: string, options?: ErrorOptions) {
    super('LOCK_TIMEOUT', message, options);
  }
}

/** Why a hold ended before its release. `expired`: not renewed in time, or no longer known to the backend. */
export type LossReason = 'expired' | 'stolen' | 'disconnected';

/** `LOCK_LOST`: the hold ended before it was released; somebody else may hold the lock by now. */
export class LockLostError extends HoldfastError {
  readonly reason: LossReason;

  constructor(message: string, reason: LossReason = 'expired', options?: ErrorOptions) {
    super('LOCK_LOST', message, options);
    this.reason = reason;
  }
}

/** `LOCKS_CLOSED`: `close()` was called; waits that it ended reject with it too. */
export class LocksClosedError extends HoldfastError {
  constructor(message = 'These locks are closed', options?: ErrorOptions) {
    super('LOCKS_CLOSED', message, options);
  }
}

/** `BACKEND_UNAVAILABLE`: the backend refused, could not be reached, or did not answer in time. `cause` has the driver's error. */
export class BackendUnavailableError extends HoldfastError {
  constructor(message: string, options?: ErrorOptions) {
    super('BACKEND_UNAVAILABLE', message, options);
  }
}

/** `UNSUPPORTED`: this backend's manifest does not have what was asked for. Nothing was sent. */
export class UnsupportedError extends HoldfastError {
  constructor(message: string, options?: ErrorOptions) {
    super('UNSUPPORTED', message, options);
  }
}

/** `CONFIG`: a URL, option, config file or package that `createLocks` can't use, or no backend configured. */
export class ConfigError extends HoldfastError {
  constructor(message: string, options?: ErrorOptions) {
    super('CONFIG', message, options);
  }
}

/** `INVALID_ARGUMENT`: a name or option that no backend could use. Nothing was sent. */
export class InvalidArgumentError extends HoldfastError {
  constructor(message: string, options?: ErrorOptions) {
    super('INVALID_ARGUMENT', message, options);
  }
}
