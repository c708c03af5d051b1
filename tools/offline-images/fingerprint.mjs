import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../run.mjs';

const HERE = join(root, 'tools/offline-images');

/** Of all in this project that decides what is in the stand-in. */
export function fingerprint(name) {
  const hash = createHash('sha256')
    .update(name)
    .update(readFileSync(join(root, 'packages/testbed/images.json')));
  for (const tool of ['build.mjs', 'debian.mjs', 'stand-ins.mjs']) hash.update(readFileSync(join(HERE, tool)));
  const files = join(HERE, 'rootfs', name);
  if (!existsSync(files)) return hash.digest('hex');
  const entries = readdirSync(files, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  for (const path of entries.map((entry) => join(entry.parentPath, entry.name)).toSorted())
    hash.update(path.slice(files.length)).update(readFileSync(path));
  return hash.digest('hex');
}
