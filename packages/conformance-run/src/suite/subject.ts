import { createLocks } from '@holdfast/core';
import type { Locks } from '@holdfast/core';
import { urlSubject } from '@holdfast/core/conformance';
import type { Address, Subject } from '@holdfast/core/conformance';
import { memorySpace } from '@holdfast/memory';
import type { SubjectSpec } from './protocol.ts';

export async function subjectFor(spec: SubjectSpec): Promise<Subject> {
  switch (spec.kind) {
    case 'memory':
      return memorySubject();
    case 'url':
      return urlSubject(spec.url);
    case 'mapped':
      return mappedSubject(spec.url, spec.server);
    case 'module':
      return await moduleSubject(spec.url);
  }
}

/** Its second clients are threads, which share the space. */
function memorySubject(): Subject {
  const config = { backend: 'memory', options: { space: memorySpace() } };
  return { name: 'memory', open: () => createLocks(config), peers: { kind: 'thread', data: () => config } };
}

/** The way to the fault proxy is an option: the URL names others than the server. */
function mappedSubject(url: string, server: Address): Subject {
  const config = (via?: Address): { backend: string; options: Record<string, unknown> } => ({
    backend: url,
    options: via === undefined ? {} : { natMap: { [`${server.host}:${server.port}`]: via } },
  });
  const name = url.slice(0, url.indexOf(':'));
  return { name, open: (via) => createLocks(config(via)), peers: { kind: 'process', data: config }, server };
}

async function moduleSubject(module: string): Promise<Subject> {
  const { open } = (await import(module)) as { open(data: unknown): Promise<Locks> };
  return { name: module, open: () => open(undefined), peers: { kind: 'thread', module, data: () => undefined } };
}
