import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { holdfast, temporary } from './holdfast.ts';

test('a backend that works: version, promises, a lock taken and released, status 0', async () => {
  await using place = await temporary();
  const { status, stdout, stderr } = await holdfast(['doctor', place.url]);
  expect([status, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(/reach +the processes of one host/);
  expect(stdout).toMatch(/modes +exclusive, shared, semaphore/);
  expect(stdout).toMatch(/ok +\S+ .*answers/);
  expect(stdout).toMatch(/ok +acquired in [\d.]+ ms, released in [\d.]+ ms/);
  const [, first = '', second = ''] = /fencing token (\d+), then (\d+)/.exec(stdout) ?? [];
  expect(BigInt(second) > BigInt(first)).toBe(true);
});

test('doctor leaves no lock behind', async () => {
  await using place = await temporary();
  await holdfast(['doctor', place.url]);
  expect((await holdfast(['query', '--backend', place.url])).stdout).toBe('Nobody holds or waits for any lock.\n');
});

test('a refused connection: status 69 and one line, without the password', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  for (const args of [['doctor'], ['query'], ['run', 'a', '--', 'echo', 'it-ran']]) {
    const { status, stdout, stderr } = await holdfast(args, {
      env: { HOLDFAST_URL: `redis://:hunter2@127.0.0.1:${port}` },
    });
    expect(status).toBe(69);
    expect(stderr).toMatch(/^holdfast: [^\n]*ECONNREFUSED[^\n]*\n$/);
    expect(stdout + stderr).not.toMatch(/hunter2|it-ran/);
  }
});

test('it says what was chosen, by what, and over what, without the values of options', async () => {
  await using place = await temporary();
  const path = join(place.dir, 'holdfast.config.json');
  const said = async (args: string[], env: NodeJS.ProcessEnv = {}): Promise<string> => {
    const { stdout } = await holdfast(['doctor', ...args], { cwd: place.dir, env });
    return stdout.slice(0, stdout.indexOf('\n\n')).replaceAll(/ {2,}/g, '  ');
  };
  const other = `${place.url}-other`;
  const nothing = { XDG_STATE_HOME: place.dir };
  const none = `File  none from ${place.dir} upwards`;
  expect(await said([], nothing)).toBe(`Backend  file:\nChosen by  default, since nothing else is configured\n${none}`);
  expect(await said([other], { HOLDFAST_URL: place.url })).toBe(
    `Backend  ${other}\nChosen by  the argument\nOverrides  HOLDFAST_URL\n${none}`,
  );

  const jobs = { backend: 'redis', options: { host: '127.0.0.1', port: 1, password: 'hunter2' }, ttl: '5s' };
  await writeFile(path, JSON.stringify({ timeout: 5000, backends: { default: place.url, jobs } }));
  const file = `File  ${path} (default, jobs)`;
  expect(await said([])).toBe(
    `Backend  ${place.url}\nChosen by  ${path}, \`backends.default\`\n${file}\nLocks  timeout 5000ms`,
  );
  expect(await said([], { HOLDFAST_URL: other })).toBe(
    `Backend  ${other}\nChosen by  HOLDFAST_URL\nOverrides  \`backends.default\` of the file\n${file}\nLocks  timeout 5000ms`,
  );
  const byName = await said(['jobs'], { HOLDFAST_URL: other });
  expect(byName).toBe(
    `Backend  redis\nChosen by  the argument, \`backends.jobs\` of the file\nOverrides  HOLDFAST_URL, \`backends.default\` of the file\n${file}\nOptions  host, port, password (values not shown)\nLocks  ttl 5s, timeout 5000ms`,
  );

  await writeFile(path, JSON.stringify({ backend: place.url }));
  expect(await said([])).toContain(`Chosen by  ${path}, \`backend\``);
});

test('--json has the same, and what was found as far as it came', async () => {
  await using place = await temporary();
  const path = join(place.dir, 'holdfast.config.json');
  const closed = 'redis://:hunter2@127.0.0.1:1';
  await writeFile(path, JSON.stringify({ backends: { default: place.url, jobs: closed }, ttl: '5s' }));
  const works = await holdfast(['doctor', '--json'], { cwd: place.dir });
  expect([works.status, works.stderr]).toEqual([0, '']);
  expect(JSON.parse(works.stdout)).toMatchObject({
    backend: place.url,
    chosenBy: `${path}, \`backends.default\``,
    overrides: [],
    file: { path, backends: ['default', 'jobs'] },
    options: [],
    ttl: '5s',
    adapter: 'file',
    capabilities: { reach: 'host' },
    findings: expect.arrayContaining([expect.objectContaining({ level: 'ok' })]) as unknown,
  });
  const fails = await holdfast(['doctor', 'jobs', '--json'], { cwd: place.dir });
  expect(fails.status).toBe(69);
  expect(JSON.parse(fails.stdout)).toMatchObject({
    backend: 'redis://***@127.0.0.1:1',
    error: expect.stringContaining('ECONNREFUSED') as unknown,
  });
  expect(fails.stdout + fails.stderr).not.toContain('hunter2');
});
