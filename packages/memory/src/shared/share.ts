import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads';
import { ConfigError } from '@holdfast/core/adapter';
import { isMemorySpace, makeSpace } from './layout.ts';
import type { MemorySpace, MemorySpaceOptions } from './layout.ts';
import { freePlacesOfWorkers } from './places.ts';

/**
 * Makes a space for the locks of several threads. Hand it to each as `workerData` or in a message, and there to
 * `memory({ space })`; or give it a `name`, and use `memory:name?shared=true` in this thread and those created from it later.
 *
 * Throws `ConfigError` for a bad option, and for a name that this thread shares already.
 */
export function memorySpace(options: MemorySpaceOptions = {}): MemorySpace {
  const { name } = options;
  if (name !== undefined && findShared(name) !== undefined) {
    throw new ConfigError(`A memory space named ${JSON.stringify(name)} is shared with this thread already`);
  }
  const space = makeSpace(options);
  freePlacesOfWorkers(space);
  if (name !== undefined) setEnvironmentData(keyOf(name), space);
  return space;
}

/**
 * The space of that name which this thread, or the one that created it, shares. Never makes one: two threads that each did
 * would lock past each other.
 */
export function sharedSpace(name: string): MemorySpace {
  const space = findShared(name);
  if (space !== undefined) return space;
  throw new ConfigError(
    `No memory space named ${JSON.stringify(name)} is shared with this thread; call memorySpace({ name: ${JSON.stringify(name)} }) in the parent thread before it creates this one`,
  );
}

function findShared(name: string): MemorySpace | undefined {
  const space: unknown = getEnvironmentData(keyOf(name));
  return isMemorySpace(space) ? space : undefined;
}

function keyOf(name: string): string {
  return `holdfast:memory:${name}`;
}
