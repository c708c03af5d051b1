import { readdir } from 'node:fs/promises';
import { release, type } from 'node:os';
import { join } from 'node:path';
import type { Diagnosis, Finding } from '@holdfast/core/adapter';
import { fileError } from './errors.ts';
import { localFileSystem } from './filesystem.ts';
import type { Root } from './root.ts';

/** Opens the directory as a first request would, and tells what it is. */
export async function diagnose(root: Root): Promise<Diagnosis> {
  await root.open();
  const { directory } = root;
  try {
    const fileSystem = await localFileSystem(directory);
    const sessions = (await readdir(join(directory, 'sessions'))).length;
    const findings: Finding[] = [
      { level: 'ok', message: `Locks are kept in ${directory}` },
      fileSystem === undefined
        ? {
            level: 'warning',
            message: 'The file system is not known to be local (assumeLocal is set): locks do not reach other hosts',
          }
        : { level: 'ok', message: `The file system is local (${fileSystem})` },
      { level: 'ok', message: `${sessions} process${sessions === 1 ? '' : 'es'} in it, this one included` },
    ];
    return { server: `${type()} ${release()}`, findings };
  } catch (error) {
    throw fileError(error, directory);
  }
}
