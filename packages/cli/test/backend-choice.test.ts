import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { holdfast, temporary } from './holdfast.ts';

const run = ['run', 'a', '--', 'true'];

test('nothing configured: files in the state directory of the user', async () => {
  await using place = await temporary();
  expect((await holdfast(run, { cwd: place.dir, env: { XDG_STATE_HOME: join(place.dir, 'state') } })).status).toBe(0);
  expect(await readdir(join(place.dir, 'state'))).toEqual(['holdfast']);
});

test('--backend comes before HOLDFAST_URL, that before the config file, which is looked for upwards', async () => {
  await using place = await temporary();
  const below = join(place.dir, 'project', 'sub');
  await mkdir(below, { recursive: true });
  await writeFile(
    join(place.dir, 'holdfast.config.json'),
    JSON.stringify({ backend: `file://${place.dir}/config`, ttl: '5s' }),
  );
  const env = { HOLDFAST_URL: `file://${place.dir}/env` };
  const chosen = async (): Promise<string[]> =>
    (await readdir(place.dir)).filter((name) => ['config', 'env', 'flag'].includes(name));

  await holdfast(run, { cwd: below });
  expect(await chosen()).toEqual(['config']);
  await holdfast(run, { cwd: below, env });
  expect(await chosen()).toEqual(['config', 'env']);
  await holdfast(['run', 'a', '--backend', `file://${place.dir}/flag`, '--', 'true'], { cwd: below, env });
  expect(await chosen()).toEqual(['config', 'env', 'flag']);
});

test('doctor says which backend it is and who chose it', async () => {
  await using place = await temporary();
  const config = join(place.dir, 'holdfast.config.json');
  await writeFile(config, JSON.stringify({ backend: place.url }));
  const said = async (args: string[], env: NodeJS.ProcessEnv): Promise<string> => {
    return (await holdfast(['doctor', ...args], { cwd: place.dir, env })).stdout;
  };
  expect(await said([], {})).toContain(`Backend   ${place.url}\nChosen by ${config}`);
  expect(await said([], { HOLDFAST_URL: place.url })).toContain('Chosen by HOLDFAST_URL');
  expect(await said([place.url], { HOLDFAST_URL: 'file:/nowhere' })).toContain('Chosen by the argument');
});

test.for<[string, RegExp]>([
  ['{"backend": "redis://:hunter2@h"', /holdfast.config.json is not valid JSON/],
  ['[]', /to be a JSON object/],
  ['{"backnd": "file:"}', /Unknown key `backnd`.*known are backend, ttl/],
  ['{"backend": 5}', /`backend` in .* to be a non-empty string/],
  ['{"backend": "file:", "ttl": "soon"}', /`ttl` to be a positive duration/],
])('a config file with %s is refused', async ([content, message]) => {
  await using place = await temporary();
  await writeFile(join(place.dir, 'holdfast.config.json'), content);
  const { status, stderr } = await holdfast(run, { cwd: place.dir, env: { XDG_STATE_HOME: place.dir } });
  expect(status).toBe(64);
  expect(stderr).toMatch(/^holdfast: [^\n]*\n$/);
  expect(stderr).toMatch(message);
  expect(stderr).not.toContain('hunter2');
});

test('HOLDFAST_URL that is empty is an error, not the default: a lock on this host alone is none between hosts', async () => {
  await using place = await temporary();
  const { status, stderr } = await holdfast(run, {
    cwd: place.dir,
    env: { HOLDFAST_URL: '', XDG_STATE_HOME: place.dir },
  });
  expect(status).toBe(64);
  expect(stderr).toBe(
    'holdfast: Expected HOLDFAST_URL to be a URL such as redis://localhost:6379, got an empty string\n',
  );
});
