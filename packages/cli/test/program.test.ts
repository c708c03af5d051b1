import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { holdfast, start, startProcess, temporary } from './holdfast.ts';
import type { Temporary } from './holdfast.ts';

const script = fileURLToPath(new URL('fixtures/program.mjs', import.meta.url));

/** What the program prints that asks `createLocks` for `given`, or for what is configured. */
async function program(place: Temporary, given?: unknown, env: NodeJS.ProcessEnv = {}): Promise<string> {
  const args = given === undefined ? [script] : [script, JSON.stringify(given)];
  return (await startProcess(process.execPath, args, { cwd: place.dir, env }).ended).stdout;
}

async function configured(config: unknown): Promise<Temporary> {
  const place = await temporary();
  await writeFile(join(place.dir, 'holdfast.config.json'), JSON.stringify(config));
  return place;
}

test('createLocks() and holdfast run in one directory use one lock, from the file and from HOLDFAST_URL', async () => {
  await using place = await configured({ backends: { default: 'file:./locks', jobs: 'file:./jobs' } });
  for (const env of [{}, { HOLDFAST_URL: place.url.replace(/locks$/, 'other') }, { HOLDFAST_URL: 'jobs' }]) {
    const holder = start(['run', 'a', '--', 'sh', '-c', 'echo inside; read line'], { cwd: place.dir, env });
    await holder.said('inside');
    const waiter = startProcess(process.execPath, [script], { cwd: place.dir, env });
    const query = async (): Promise<string> => (await holdfast(['query', 'a'], { cwd: place.dir, env })).stdout;
    // It waits behind the command on the same backend.
    await expect.poll(query, { timeout: 10_000 }).toMatch(/ waits /);
    holder.process.stdin!.end('\n');
    expect((await holder.ended).status).toBe(0);
    expect((await waiter.ended).stdout).toBe('holds a on file\n');
  }
});

test('use picks a backend of the file by name, before HOLDFAST_URL', async () => {
  await using place = await configured({ backends: { default: 'file:./locks', mine: 'memory:' } });
  const env = { HOLDFAST_URL: place.url };
  expect(await program(place, { use: 'mine' }, env)).toBe('holds a on memory\n');
  expect(await program(place, undefined, env)).toBe('holds a on file\n');
  expect(await program(place, undefined, { HOLDFAST_URL: 'memory:' })).toBe('holds a on memory\n');
});

test('backends in code: no file and no variable is asked', async () => {
  await using place = await configured({ backend: 'nosuch:' });
  const backends = { default: 'file:./in-code', mine: { backend: 'memory', options: { name: 'mine' } } };
  const env = { HOLDFAST_URL: 'nosuch:' };
  expect(await program(place, { backends }, env)).toBe('holds a on file\n');
  expect(await readdir(place.dir)).toContain('in-code');
  expect(await program(place, { backends, use: 'mine' }, env)).toBe('holds a on memory\n');
});

test('a URL is served without zod, which only a file or an object needs', async () => {
  await using place = await temporary();
  const resolve = "export const resolve = (name, context, next) => next(name === 'zod' ? 'no-zod' : name, context);";
  const hook = `import { register } from 'node:module'; register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(resolve)}`)});`;
  const flags = ['--import', `data:text/javascript,${encodeURIComponent(hook)}`];
  const said = async (args: string[], env: NodeJS.ProcessEnv = {}): Promise<string> => {
    return (await startProcess(process.execPath, [...flags, script, ...args], { cwd: place.dir, env }).ended).stdout;
  };
  expect(await said(['"nosuch:"'])).toMatch(/^CONFIG: Unknown scheme nosuch:/);
  expect(await said([], { HOLDFAST_URL: 'nosuch:' })).toMatch(/^CONFIG: HOLDFAST_URL: Unknown scheme nosuch:/);
  expect(await said(['{"backend":"nosuch:"}'])).toMatch(/^ERR_MODULE_NOT_FOUND: Cannot find package 'no-zod'/);
});

test('nothing configured is an error in a program, not a lock on this host alone', async () => {
  await using place = await temporary();
  expect(await program(place)).toMatch(/^CONFIG: No backend is configured: .*HOLDFAST_URL.*holdfast\.config/);
  expect(await program(place, { use: 'jobs' })).toMatch(/^CONFIG: Expected `use` to be .* there is none/);
});

test.for<[unknown, unknown, NodeJS.ProcessEnv, RegExp]>([
  [
    { backend: 'file:' },
    { use: 'jobs' },
    {},
    /`use` to be .* or the name of a backend in .*holdfast.config.json: default/,
  ],
  [{ backend: 'file:' }, { use: 'file:' }, {}, /`use`: expected the name of a backend/],
  [{ backend: 'file:' }, { use: 'default', ttl: 5 }, {}, /unknown key "ttl"; known are use/],
  [{ backend: 'file:' }, undefined, { HOLDFAST_URL: '' }, /HOLDFAST_URL to be a URL .*, got an empty string/],
  [{ backend: 'file:' }, undefined, { HOLDFAST_URL: 'hunter2 ' }, /HOLDFAST_URL to be a URL .* or the name/],
  [{ backend: 'file:' }, undefined, { HOLDFAST_URL: 'ftp://:hunter2@h' }, /^CONFIG: HOLDFAST_URL: Unknown scheme ftp:/],
  [{ backend: 5 }, undefined, {}, /Invalid .*holdfast.config.json: `backend`: expected a URL/],
  [{ backend: 'redis', options: { pasword: 'hunter2' } }, undefined, {}, /holdfast.config.json, `backend`: .*pasword/],
  [{ backend: 'memory:', ttl: '1ms' }, undefined, {}, /holdfast.config.json: Expected `ttl` to be at least/],
])('config %j, createLocks(%j), environment %j: a ConfigError', async ([config, given, env, message]) => {
  await using place = await configured(config);
  const said = await program(place, given, env);
  expect(said).toMatch(/^CONFIG: /);
  expect(said).toMatch(message);
  expect(said).not.toContain('hunter2');
});
