import { createLocks } from '@holdfast/core';
import type { Locks } from '@holdfast/core';
import { urlSubject } from '@holdfast/core/conformance';
import type { Subject } from '@holdfast/core/conformance';
import { memorySpace } from '@holdfast/memory';
import type { SubjectSpec } from './protocol.ts';

export async function subjectFor(spec: SubjectSpec): Promise<Subject> {
  switch (spec.kind) {
    case 'memory':
      return memorySubject();
    case 'url':
      return urlSubject(spec.url);
    case 'module':
      return await moduleSubject(spec.url);
  }
}

/** Its second clients are threads, which share the space. */
function memorySubject(): Subject {
  const config = { backend: 'memory', options: { space: memorySpace() } };
  return { name: 'memory', open: () => createLocks(config), peers: { kind: 'thread', data: () => config } };
}

async function moduleSubject(module: string): Promise<Subject> {
  const { open } = (await import(module)) as { open(data: unknown): Promise<Locks> };
  return { name: module, open: () => open(undefined), peers: { kind: 'thread', module, data: () => undefined } };
}
