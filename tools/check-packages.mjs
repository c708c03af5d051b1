/** `node tools/check-packages.mjs <directory of tarballs>`: would they resolve, with their types, for whoever installs them? */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { CommandError, main, quietly, root } from './run.mjs';

const bin = (name) => join(root, 'node_modules/.bin', name);

async function check(directory) {
  const tarballs = readdirSync(directory).filter((name) => name.endsWith('.tgz'));
  if (tarballs.length === 0) throw new CommandError(`There is no tarball in ${directory}`);
  for (const tarball of tarballs) {
    const path = join(directory, tarball);
    await quietly(bin('publint'), ['run', '--strict', path]);
    // ESM only is by decision: `require` of ESM works from Node 20.19 on, which is what the packages ask for.
    await quietly(bin('attw'), [path, '--profile', 'esm-only']);
    const files = (await quietly('tar', ['tzf', path])).trim().split('\n');
    const stray = files.filter(
      (file) => !/^package\/(dist\/|bin\/|package\.json$|README\.md$|LICENSE$|CHANGELOG\.md$)/.test(file),
    );
    const wrong = [...stray, ...files.filter((file) => file.endsWith('.tsbuildinfo'))];
    if (wrong.length > 0) throw new CommandError(`${tarball} has files that users do not need: ${wrong.join(' ')}`);
    console.log(`${tarball}: ${files.length} files`);
  }
}

await main(() => check(process.argv[2]));
