import { BackendUnavailableError } from '@holdfast/core/adapter';
import {
  EtcdAuthenticationFailedError,
  EtcdLeaseInvalidError,
  EtcdPermissionDeniedError,
  EtcdRoleNotFoundError,
  EtcdUserNotFoundError,
  GRPCFailedPreconditionError,
  GRPCInvalidArgumentError,
  GRPCNotImplementedError,
  GRPCOutOfRangeError,
  GRPCUnauthenticatedError,
} from 'etcd3';

const refusals = [
  EtcdAuthenticationFailedError,
  EtcdPermissionDeniedError,
  EtcdUserNotFoundError,
  EtcdRoleNotFoundError,
  GRPCFailedPreconditionError,
  GRPCInvalidArgumentError,
  GRPCNotImplementedError,
  GRPCOutOfRangeError,
  GRPCUnauthenticatedError,
];

/** The server said no: nothing was done, and to ask again would not help. */
export function isRefusal(error: unknown): boolean {
  return refusals.some((kind) => error instanceof kind);
}

/** The request named a lease that the server no longer has; nothing was done. */
export function isLeaseGone(error: unknown): boolean {
  return error instanceof EtcdLeaseInvalidError;
}

/** All else (no connection, no answer in time, no leader): whether the request was carried out is not known. */
export function isUnclear(error: unknown): boolean {
  return !isRefusal(error) && !isLeaseGone(error);
}

export function unavailable(cause: unknown): BackendUnavailableError {
  if (cause instanceof BackendUnavailableError) return cause;
  const text = cause instanceof Error ? cause.message : String(cause);
  const what = isRefusal(cause) ? 'The etcd server refused the request' : 'No etcd server answered in time';
  return new BackendUnavailableError(`${what}: ${text}`, { cause });
}
