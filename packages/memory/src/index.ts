import type { Adapter, LockBackend } from '@holdfast/core/adapter';
import { capabilities, MemoryBackend } from './backend.ts';
import type { MemoryGrant } from './grant.ts';
import { LocalSpace } from './local-space.ts';
import { optionsOf, parseMemoryOptions } from './options.ts';
import type { MemoryOptions } from './options.ts';
import { SharedSpace } from './shared/shared-space.ts';
import { sharedSpace } from './shared/share.ts';

export { memorySpace } from './shared/share.ts';
export type { MemorySpace, MemorySpaceOptions } from './shared/layout.ts';
export type { MemoryGrant } from './grant.ts';
export type { MemoryOptions } from './options.ts';

const localSpaces = new Map<string, LocalSpace>();

/**
 * Locks within this thread, or with `space` among all threads that have it.
 *
 * Throws `ConfigError` for a bad option, and `BackendUnavailableError` when the space has no room for one more backend.
 */
export function memory(options: MemoryOptions = {}): LockBackend<MemoryGrant> {
  return open(parseMemoryOptions(options));
}

/** `memory:` and `memory:name`, within this thread; `memory:name?shared=true`, in a space that the parent thread shares. */
export const adapter: Adapter = {
  name: 'memory',
  protocols: ['memory:'],
  capabilities,
  create: (config) => open(optionsOf(config, sharedSpace)),
};

function open({ name = '', space }: MemoryOptions): MemoryBackend {
  return new MemoryBackend(space === undefined ? localSpace(name) : new SharedSpace(space));
}

function localSpace(name: string): LocalSpace {
  const space = localSpaces.get(name) ?? new LocalSpace();
  localSpaces.set(name, space);
  return space;
}
