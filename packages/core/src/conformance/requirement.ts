import assert from 'node:assert/strict';
import type { Capabilities } from '../contract.ts';
import type { Locks } from '../client/locks.ts';
import { rejectsWith } from './expect.ts';

/** What a case needs of the manifest. The first four can be asked for, and are to be refused where they are missing. */
export type Requirement =
  | 'shared'
  | 'semaphore'
  | 'steal'
  | 'query'
  | 'fifo'
  | 'push'
  | 'network'
  | 'after-ttl'
  | 'on-disconnect';

const has: Readonly<Record<Requirement, (manifest: Capabilities) => boolean>> = {
  shared: ({ modes }) => modes.includes('shared'),
  semaphore: ({ modes }) => modes.includes('semaphore'),
  steal: ({ steal }) => steal,
  query: ({ query }) => query,
  fifo: ({ fifo }) => fifo,
  push: ({ wakeup }) => wakeup === 'push',
  network: ({ reach }) => reach === 'network',
  'after-ttl': ({ takeover }) => takeover === 'after-ttl',
  'on-disconnect': ({ takeover }) => takeover === 'on-disconnect',
};

const ask: Partial<Record<Requirement, (locks: Locks, name: string) => Promise<unknown>>> = {
  shared: (locks, name) => locks.acquire(name, { mode: 'shared' }),
  semaphore: (locks, name) => locks.acquire(name, { permits: 2 }),
  steal: (locks, name) => locks.acquire(name, { steal: true }),
  query: (locks, name) => locks.query(name),
};

/** What of `requires` the manifest lacks. */
export function lacking(requires: readonly Requirement[], manifest: Capabilities): Requirement[] {
  return requires.filter((requirement) => !has[requirement](manifest));
}

/** Whether a user can ask for it, so that the backend must refuse. */
export function canBeAsked(requirement: Requirement): boolean {
  return ask[requirement] !== undefined;
}

/** Asks for each, and expects the refusal, and that nothing was sent: the lock is free. */
export async function assertRefused(missing: readonly Requirement[], locks: Locks, name: string): Promise<void> {
  for (const requirement of missing) {
    const attempt = ask[requirement];
    if (attempt === undefined) continue;
    await rejectsWith('UNSUPPORTED', attempt(locks, name), `asking for ${requirement}, which the manifest lacks,`);
    const lock = await locks.tryAcquire(name);
    assert.ok(lock !== null, `asking for ${requirement} was refused, but took the lock nevertheless`);
    await lock.release();
  }
}
