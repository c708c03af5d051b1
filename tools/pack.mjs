/** `node tools/pack.mjs <directory>`: packs every package that users install, as it would be published. */
import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { main, quietly, readJson, root } from './run.mjs';

async function pack(directory) {
  const { packageManager } = readJson('package.json');
  const filters = publishable().map((name) => `--filter=${name}`);
  await quietly('npx', ['-y', packageManager, '--recursive', ...filters, 'pack', '--pack-destination', directory]);
}

function publishable() {
  return readdirSync(join(root, 'packages'))
    .filter((name) => existsSync(join(root, 'packages', name, 'package.json')))
    .map((name) => readJson(`packages/${name}/package.json`))
    .filter((manifest) => manifest.private !== true)
    .map((manifest) => manifest.name);
}

await main(() => pack(resolve(process.argv[2])));
