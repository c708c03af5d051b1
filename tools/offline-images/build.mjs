import { appendFileSync, cpSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { quietly } from '../run.mjs';
import { treeOf } from './debian.mjs';
import { standIns } from './stand-ins.mjs';

const ROOTFS = fileURLToPath(new URL('rootfs', import.meta.url));
/** Of the server's user and group. */
const ID = 999;

/** Imports the tree `$1` as the image `$2`: one layer, all of which is root's. The rest are its settings. */
const IMPORT = `
set -eu
tree=$1 image=$2
shift 2
tar --create --directory="$tree" --owner=0 --group=0 --numeric-owner . | docker import "$@" - "$image"
`;

/** Builds the stand-in `name` as `image`, in the directory `dir`, from a release of Debian that is open. */
export async function build(name, { image, label, release, dir }) {
  const { packages, without, user, directories = [], copies, config } = standIns[name];
  const tree = join(dir, name);
  await treeOf(release, packages, without, tree);
  for (const [source, target] of (await copies?.()) ?? []) copy(source, join(tree, target));
  const files = join(ROOTFS, name);
  if (existsSync(files)) copy(files, tree);
  if (user !== undefined) {
    appendFileSync(join(tree, 'etc/passwd'), `${user}:x:${ID}:${ID}::/nonexistent:/usr/sbin/nologin\n`);
    appendFileSync(join(tree, 'etc/group'), `${user}:x:${ID}:\n`);
  }
  // All is root's: where the server runs as its user from the start, that one must be able to write nevertheless.
  for (const directory of directories.map((name) => join(tree, name))) {
    mkdirSync(directory, { recursive: true });
    await quietly('chmod', ['--recursive', 'a+rwX', directory]);
  }
  const changes = [...config, `LABEL ${label}`].flatMap((line) => ['--change', line]);
  await quietly('sh', ['-c', IMPORT, 'import', tree, image, ...changes]);
  rmSync(tree, { recursive: true });
}

function copy(source, target) {
  mkdirSync(dirname(target), { recursive: true });
  cpSync(source, target, { recursive: true });
}
