import { BackendUnavailableError, HoldfastError } from '@holdfast/core/adapter';

/** The agent said no: nothing was done, and to ask again would not help. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** The agent answered that it could not (no leader, too many connections): whether the request was carried out is not known. */
export class FailedError extends Error {
  override readonly name = 'FailedError';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** No connection could be made: the request was never sent. */
export class UnsentError extends Error {
  override readonly name = 'UnsentError';
}

/** The request's place in the queue is gone, or its session is: it has to enter again. */
export class PlaceLostError extends Error {
  override readonly name = 'PlaceLostError';
}

const FORBIDDEN = 403;

/** For whoever asked: an error of Holdfast's own stays what it is. */
export function unavailable(cause: unknown): HoldfastError {
  if (cause instanceof HoldfastError) return cause;
  const text = cause instanceof Error ? cause.message : String(cause);
  if (!(cause instanceof RefusedError)) {
    return new BackendUnavailableError(`No Consul agent answered in time: ${text}`, { cause });
  }
  const hint = cause.status === FORBIDDEN ? ` (${PERMISSIONS})` : '';
  return new BackendUnavailableError(`Consul refused the request: ${text}${hint}`, { cause });
}

const PERMISSIONS =
  'the ACL token needs policy "write" for `key_prefix` of the locks\' prefix, and for `session` and `node` of their node; docs: @holdfast/consul';
