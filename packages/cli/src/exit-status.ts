import { constants } from 'node:os';

/** What `holdfast` exits with, beside the command's own status. The numbers of sysexits(3) and of the shells. */
export const EXIT = {
  ok: 0,
  usage: 64,
  unavailable: 69,
  internal: 70,
  notAcquired: 75,
  lost: 76,
  cannotExecute: 126,
  notFound: 127,
} as const;

/** Wrong arguments, environment or config: one line for the user, status 64. */
export class UsageError extends Error {}

const statusOfCode: Readonly<Record<string, number>> = {
  CONFIG: EXIT.usage,
  INVALID_ARGUMENT: EXIT.usage,
  UNSUPPORTED: EXIT.usage,
  BACKEND_UNAVAILABLE: EXIT.unavailable,
  LOCK_TIMEOUT: EXIT.notAcquired,
  LOCK_LOST: EXIT.lost,
};

/** By the error's code, not its class: an adapter may bring its own copy of core. */
export function statusOfError(error: unknown): number {
  if (error instanceof UsageError) return EXIT.usage;
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return (typeof code === 'string' ? statusOfCode[code] : undefined) ?? EXIT.internal;
}

/** 128 + n, as shells report a death by signal n. */
export function statusOfSignal(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}
