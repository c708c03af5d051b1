/** `npm run setup`: installs the dependencies, builds, and leaves ./node_modules/.bin/holdfast ready. Quick when nothing changed. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CommandError, isMain, main, quietly, readJson, root } from './run.mjs';

const STAMP = join(root, 'node_modules/.holdfast-setup');
const OLDEST_NODE = [20, 19];

export async function setup() {
  checkNode();
  const wanted = fingerprint();
  if (!existsSync(STAMP) || readFileSync(STAMP, 'utf8') !== wanted) {
    // A failed or killed installation must not pass for a complete one.
    rmSync(STAMP, { force: true });
    await install();
    writeFileSync(STAMP, wanted);
  }
  await quietly(join(root, 'node_modules/.bin/tsc'), ['-b']);
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  const [wantedMajor, wantedMinor] = OLDEST_NODE;
  if (major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)) return;
  throw new CommandError(`Holdfast needs Node ${OLDEST_NODE.join('.')} or later; this is ${process.versions.node}`);
}

async function install() {
  const { packageManager } = readJson('package.json');
  console.error(`Installing dependencies with ${packageManager} …`);
  const args = ['-y', packageManager, 'install', '--frozen-lockfile'];
  // CI: pnpm asks before it removes a node_modules that another version made; nobody is there to answer.
  await quietly('npx', args, { env: { ...process.env, CI: 'true' } });
}

/** Of all that decides what is installed. */
function fingerprint() {
  const hash = createHash('sha256').update(`${process.platform} ${process.arch} ${process.version}`);
  const manifests = readdirSync(join(root, 'packages')).map((name) => `packages/${name}/package.json`);
  for (const path of [
    'package.json',
    'pnpm-lock.yaml',
    'pnpm-workspace.yaml',
    'examples/package.json',
    ...manifests.toSorted(),
  ]) {
    if (existsSync(join(root, path))) hash.update(path).update(readFileSync(join(root, path)));
  }
  return hash.digest('hex');
}

if (isMain(import.meta.url)) await main(setup);
