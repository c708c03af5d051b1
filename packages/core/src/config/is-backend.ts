import type { LockBackend } from '../contract.ts';

export function isBackend(value: unknown): value is LockBackend {
  return (
    typeof value === 'object' && value !== null && 'acquire' in value && 'release' in value && 'capabilities' in value
  );
}
