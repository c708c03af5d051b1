import { chmod, chown, mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { bin, holdfast, temporary } from './holdfast.ts';
import type { Temporary } from './holdfast.ts';

const run = ['run', 'a', '--', 'true'];
const core = join(import.meta.dirname, '../../core');
const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;

const typed = `import { defineConfig } from '@holdfast/core';
interface Place { readonly url: string }
const place: Place = { url: 'file:./locks' };
export default defineConfig({ backends: { default: place.url, jobs: { backend: 'file:./jobs', ttl: '5s' } } });
`;

/** A project with core installed, and a directory in it. */
async function project(files: Readonly<Record<string, string>>): Promise<Temporary & { readonly below: string }> {
  const place = await temporary();
  const below = join(place.dir, 'src', 'deep');
  await mkdir(below, { recursive: true });
  await mkdir(join(place.dir, 'node_modules', '@holdfast'), { recursive: true });
  await symlink(core, join(place.dir, 'node_modules', '@holdfast', 'core'));
  await writeFile(join(place.dir, 'package.json'), '{ "type": "module" }');
  for (const [name, text] of Object.entries(files)) await writeFile(join(place.dir, name), text);
  return { ...place, below };
}

test.for<[string, string]>([
  ['holdfast.config.json', '{ "backends": { "default": "file:./locks", "jobs": "file:./jobs" } }'],
  ['holdfast.config.mjs', typed.replace(/^interface.*\n/m, '').replace(': Place', '')],
])('%s from a directory above: its default, another by name, paths from where the file is', async ([name, text]) => {
  await using place = await project({ [name]: text });
  expect(await holdfast(run, { cwd: place.below })).toMatchObject({ status: 0, stderr: '' });
  expect(await readdir(place.dir)).toContain('locks');
  expect(await readdir(place.dir)).not.toContain('jobs');
  expect(await holdfast(['run', 'a', '--backend', 'jobs', '--', 'true'], { cwd: place.below })).toMatchObject({
    status: 0,
    stderr: '',
  });
  expect(await readdir(place.dir)).toContain('jobs');
  expect(await readdir(place.below)).toEqual([]);
});

test('holdfast.config.ts: as the others where Node strips types, else an error that says what to do', async () => {
  await using place = await project({ 'holdfast.config.ts': typed });
  const { status, stderr } = await holdfast(run, { cwd: place.below });
  // Typed by the Node that has it only.
  const { typescript } = process.features as { readonly typescript?: unknown };
  if (typescript !== undefined && typescript !== false) {
    expect(status).toBe(0);
    expect(await readdir(place.dir)).toContain('locks');
  } else {
    expect(status).toBe(64);
    expect(stderr).toBe(
      `holdfast: Cannot load ${join(place.dir, 'holdfast.config.ts')}: this Node (${process.version}) does not run TypeScript. Rename it to holdfast.config.mjs, use Node 22.18 or later, or a loader: NODE_OPTIONS='--import tsx'\n`,
    );
  }
});

test.for(['{ "type": "module" }', '{}'])(
  'holdfast.config.ts with a loader runs on every Node, in a package.json of %s',
  async (packageJson) => {
    await using place = await project({ 'holdfast.config.ts': typed, 'package.json': packageJson });
    const env = { NODE_OPTIONS: `--import ${tsx}` };
    expect(await holdfast(run, { cwd: place.below, env })).toMatchObject({ status: 0, stderr: '' });
    expect(await readdir(place.dir)).toContain('locks');
  },
);

test('two kinds in one directory are refused, both named; a nearer one comes before one above', async () => {
  await using place = await project({
    'holdfast.config.json': '{ "backend": "file:./locks" }',
    'holdfast.config.mjs': 'export default {};',
  });
  const { status, stderr } = await holdfast(run, { cwd: place.below });
  const [json, mjs] = ['json', 'mjs'].map((kind) => join(place.dir, `holdfast.config.${kind}`));
  expect([status, stderr]).toEqual([64, `holdfast: Both ${json} and ${mjs} are there; keep one of them\n`]);

  await writeFile(join(place.below, 'holdfast.config.json'), '{ "backend": "file:./nearer" }');
  expect((await holdfast(run, { cwd: place.below })).status).toBe(0);
  expect(await readdir(place.below)).toContain('nearer');
});

test('one that cannot be read is not passed over', async () => {
  await using place = await project({});
  const path = join(place.dir, 'holdfast.config.json');
  await mkdir(path);
  const { status, stderr } = await holdfast(run, { cwd: place.below });
  expect([status, stderr]).toEqual([64, `holdfast: Cannot read ${path}: EISDIR\n`]);
});

test('the timeout of the file is the default of --wait, also for the backend of HOLDFAST_URL', async () => {
  await using place = await project({ 'holdfast.config.json': '{ "timeout": "50ms" }' });
  const options = { cwd: place.below, env: { HOLDFAST_URL: place.url } };
  const inner = `"${process.execPath}" "${bin}" run a -- true`;
  const { status, stderr } = await holdfast(['run', 'a', '--wait', '60s', '--', 'sh', '-c', inner], options);
  expect([status, stderr]).toEqual([75, expect.stringMatching(/^holdfast: [^\n]* 50 ms[^\n]*\n$/)]);
});

test('a file of another user, in a directory that everybody may write to, is not read; one of our own is', async () => {
  await using place = await project({ 'holdfast.config.json': '{ "backend": "file:./locks" }' });
  const path = join(place.dir, 'holdfast.config.json');
  await chmod(place.dir, 0o1777);
  expect((await holdfast(run, { cwd: place.below })).status).toBe(0);
  // Only root can give a file away.
  if (process.geteuid?.() !== 0) return;
  await chown(path, 65_534, 65_534);
  const { status, stderr } = await holdfast(run, { cwd: place.below });
  expect([status, stderr]).toEqual([64, expect.stringContaining(`${path} belongs to another user`)]);
  await chmod(place.dir, 0o755);
  expect((await holdfast(run, { cwd: place.below })).status).toBe(0);
});

const SECRET = 'hunter2';
const duration = /expected a positive duration of at most 2147483647 ms/;

test.for<[string, string, RegExp]>([
  ['json', `{"backend": "redis://:${SECRET}@h"`, /is not valid JSON/],
  ['json', '[]', /expected an object/],
  ['json', 'null', /expected an object/],
  ['json', '{"backnd": "file:"}', /unknown key "backnd"; known are backend, options, backends, ttl/],
  ['json', '{"backend": 5}', /`backend`: expected a URL/],
  ['json', `{"backend": " ${SECRET}"}`, /`backend`: expected a URL/],
  ['json', `{"backend": "ftp://user:${SECRET}@h"}`, /`backend`: Unknown scheme ftp:/],
  ['json', '{"backend": "nosuch"}', /`backend`: Unknown backend/],
  ['json', `{"backend": "redis", "options": {"pasword": "${SECRET}"}}`, /`backend`: .*redis backend.*pasword/],
  ['json', `{"backend": "redis", "password": "${SECRET}"}`, /unknown key "password"; known are backend, options/],
  ['json', '{"backend": "redis", "options": []}', /`options`: expected an object/],
  ['json', '{"options": {}}', /`backend`: expected a URL/],
  ['json', '{"backend": "file:", "ttl": "soon"}', duration],
  ['json', '{"backend": "file:", "ttl": "1ms"}', /`ttl` to be at least \d+ ms on this backend/],
  ['json', '{"backend": "file:", "timeout": -1}', /`timeout`: expected a positive duration/],
  ['json', '{"backend": "file:", "timeout": {}}', duration],
  ['json', '{"backend": "file:", "clientId": ""}', /`clientId`: expected 1 to 200/],
  ['json', '{"backend": "file:", "backends": {}}', /`backends` excludes `backend`/],
  ['json', '{"backends": {}}', /`backends`: expected at least one/],
  ['json', '{"backends": []}', /`backends`: expected an object of backends by name/],
  ['json', '{"backends": {"default": 5}}', /`backends.default`: expected an object/],
  ['json', `{"backends": {"default": "${SECRET} x"}}`, /`backends.default.backend`: expected a URL/],
  ['json', '{"backends": {"a:b": "file:"}}', /`backends`: a name is/],
  ['json', '{"backends": {"jobs": "file:"}}', /no backend named default; choose one of jobs/],
  ['json', '{"backends": {"default": {"backend": "file:", "tll": 1}}}', /`backends.default`: unknown key "tll"/],
  ['json', '{"backends": {"default": "file:", "b": {"backend": "file:", "ttl": 0}}}', /`backends.b.ttl`: expected/],
  ['json', `{"backends": {"default": "redis://:${SECRET}@h/x"}}`, /`backends.default`: .*number of a database/],
  ['mjs', `export default { backend: '' ${SECRET} };`, /SyntaxError; `node .*` shows all of it/],
  ['mjs', `export default {\n  backend: new URL('${SECRET}').href };`, /TypeError \(ERR_INVALID_URL\) at line 2/],
  ['mjs', `throw '${SECRET}';`, /it throws what is no Error/],
  ['mjs', "export const backend = 'file:';", /has no default export/],
  ['mjs', 'export default () => ({});', /expected an object/],
  ['mjs', 'export default Promise.resolve({ backend: 5 });', /`backend`: expected a URL/],
  ['mjs', `export default Promise.reject(new Error('${SECRET}'));`, /Cannot load .*: Error at line 1; /],
  ['mjs', "import 'not-there'; export default {};", /Cannot find package 'not-there'/],
  ['mjs', `export default { backend: 'file:', password: '${SECRET}' };`, /unknown key "password"/],
  ['js', 'export default {};', /is not read; name it holdfast.config.mjs/],
])('a holdfast.config.%s with %j is refused with status 64, naming the file', async ([kind, text, message]) => {
  await using place = await project({ [`holdfast.config.${kind}`]: text });
  const { status, stdout, stderr } = await holdfast(['run', 'a', '--', 'echo', 'it-ran'], {
    cwd: place.below,
    env: { XDG_STATE_HOME: place.dir },
  });
  expect([status, stdout]).toEqual([64, '']);
  expect(stderr).toMatch(/^holdfast: [^\n]*\n$/);
  expect(stderr).toContain(join(place.dir, `holdfast.config.${kind}`));
  expect(stderr).toMatch(message);
  expect(stderr).not.toContain(SECRET);
});
