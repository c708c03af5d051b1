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

test.for<[string[], NodeJS.ProcessEnv, RegExp]>([
  [['--backend', 'jbos'], {}, /Expected --backend to be a URL .*, or the name of a backend in .*: default, jobs$/],
  [
    [],
    { HOLDFAST_URL: 'hunter2' },
    /Expected HOLDFAST_URL to be a URL .*, or the name of a backend in .*: default, jobs$/,
  ],
  [['--backend', 'constructor'], {}, /Expected --backend to be a URL/],
  [['--backend', 'file'], {}, /Expected --backend to be a URL/],
])('%j with the environment %j names no backend', async ([flags, env, message]) => {
  await using place = await temporary();
  const backends = { default: place.url, jobs: place.url };
  await writeFile(join(place.dir, 'holdfast.config.json'), JSON.stringify({ backends }));
  const { status, stderr } = await holdfast(['run', 'a', ...flags, '--', 'echo'], { cwd: place.dir, env });
  expect(status).toBe(64);
  expect(stderr.trimEnd()).toMatch(message);
  expect(stderr).not.toContain('hunter2');
});
