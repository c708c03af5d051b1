/**
 * The code blocks of the READMEs that must run. A block is marked by a comment on the line before its fence:
 *
 *     <!-- run: quickstart.ts -->
 *     ```ts
 *
 * A block is a whole ES module, known by that file name.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CommandError, root } from './run.mjs';

const MARK = /^<!-- run:/gm;
const BLOCK = /^<!-- run: ([\w-]+\.ts) -->\n+```ts\n(.*?)^```$/gms;
const PACKAGE = /from '@holdfast\/(?!core\b)(\w+)'/g;
/** What a block names instead of the server that the check starts. */
const SERVERS = { redis: /redis:\/\/localhost(:6379)?/g };

export function readmeCode() {
  const files = ['README.md', ...readdirSync(join(root, 'packages')).map((name) => `packages/${name}/README.md`)];
  const present = files.filter((file) => existsSync(join(root, file)));
  const found = present.flatMap((file) => blocks(file, readFileSync(join(root, file), 'utf8')));
  if (!found.some(({ file }) => file === 'README.md')) {
    throw new CommandError('README.md has no block marked <!-- run: … -->');
  }
  return found;
}

export function blocks(file, text) {
  const found = Array.from(text.matchAll(BLOCK), ([, name, code]) => ({ file, name, code, adapters: imported(code) }));
  const marks = text.match(MARK)?.length ?? 0;
  if (marks === found.length) return found;
  throw new CommandError(`${file}: ${marks} run marks, but ${found.length} of them stand before a block of TypeScript`);
}

function imported(code) {
  return [...new Set(Array.from(code.matchAll(PACKAGE), ([, adapter]) => adapter))];
}

/**
 * The block as it is run with only core and `adapter` installed, on `url`; `undefined` if it needs another adapter. One
 * that names its backend only by URL must run on any: there it is given this one.
 */
export function codeFor({ code, adapters }, adapter, url) {
  if (adapters.length === 0) return code.replaceAll(/(?<=createLocks\(')[^']+(?=')/g, url);
  if (adapters.some((other) => other !== adapter)) return undefined;
  const server = SERVERS[adapter];
  return server === undefined ? code : code.replaceAll(server, url);
}
