import { open, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Contender } from '../contender.ts';
import { holdfast } from './holdfast.ts';
import { versioned } from './versions.ts';

/** A file that must not be there is made, and deleted. */
const raw: Contender = {
  name: 'open(wx) and unlink',
  role: 'raw',
  open: (url) =>
    Promise.resolve({
      async acquire(name) {
        const path = join(fileURLToPath(url), `${name}.raw`);
        await (await open(path, 'wx')).close();
        return () => unlink(path);
      },
      close: () => Promise.resolve(),
    }),
};

/** Its default is not to try again; where it does, each pause is twice as long as the one before, without an end. */
const properLockfile: Contender = {
  name: versioned('proper-lockfile'),
  role: 'peer',
  async open(url, ttlMs) {
    const { lock } = (await import('proper-lockfile')).default;
    return {
      async acquire(name) {
        const path = join(fileURLToPath(url), `${name}.proper`);
        await writeFile(path, '', { flag: 'a' });
        return await lock(path, { stale: ttlMs, retries: { forever: true, maxTimeout: 1000 } });
      },
      close: () => Promise.resolve(),
    };
  },
};

export const contenders: readonly Contender[] = [raw, holdfast, properLockfile];
