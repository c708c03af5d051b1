import { Locks } from '@holdfast/core';
import type { Subject } from '@holdfast/core/conformance';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { ReferenceBackend } from './backend.ts';
import type { Habits } from './habits.ts';
import { ReferenceServer } from './server.ts';
import type { Rules } from './server.ts';

export interface Reference extends AsyncDisposable {
  readonly subject: Subject;
}

/** The reference backend on a server of its own; `rules` and `habits` make a mutant of it. */
export async function startReference(
  name: string,
  peerModule: string,
  rules: Partial<Rules> = {},
  habits: Partial<Habits> = {},
): Promise<Reference> {
  const server = await ReferenceServer.start(rules);
  const subject: Subject = {
    name,
    open: (via) => Promise.resolve(new Locks(new ReferenceBackend(via ?? server.address, habits))),
    peers: { kind: 'process', module: peerModule, data: (via) => ({ address: via ?? server.address, habits }) },
    server: server.address,
  };
  return { subject, [Symbol.asyncDispose]: () => server.stop() };
}

const here = fileURLToPath(new URL('.', import.meta.url));
const core = fileURLToPath(new URL('../../..', import.meta.url));

/** A second process can't read TypeScript: compiles the reference into a temporary directory that finds core. */
export async function compilePeer(): Promise<{ module: string; remove(): Promise<void> }> {
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-reference-'));
  await promisify(execFile)(join(core, '../../node_modules/.bin/tsc'), ['-p', here, '--outDir', directory]);
  await writeFile(join(directory, 'package.json'), '{ "type": "module" }');
  await mkdir(join(directory, 'node_modules/@holdfast'), { recursive: true });
  await symlink(core, join(directory, 'node_modules/@holdfast/core'));
  return {
    module: pathToFileURL(join(directory, 'peer.js')).href,
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}
