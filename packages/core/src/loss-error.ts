import { LockLostError } from './errors.ts';
import type { LossReason } from './errors.ts';

export function lossError(reason: LossReason | 'released', cause?: unknown): LockLostError {
  return new LockLostError(
    lossMessages[reason],
    reason === 'released' ? 'expired' : reason,
    cause === undefined ? undefined : { cause },
  );
}

const lossMessages: Record<LossReason | 'released', string> = {
  released: 'The lock was released already',
  expired: 'The lock is lost: it was not renewed within its ttl, or the backend no longer knows it',
  stolen: 'The lock is lost: another request stole it',
  disconnected: 'The lock is lost: the connection that held it is closed',
};
