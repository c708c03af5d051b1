import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sharedServer } from '@holdfast/testbed';
import { expect, test } from 'vitest';
import { holdfast, start, startProcess, temporary } from '../holdfast.ts';

const program = fileURLToPath(new URL('../fixtures/program.mjs', import.meta.url));

test('a named backend with options: the command holds on the server, under its own prefix, and the program waits', async () => {
  const { url } = await sharedServer('redis');
  const prefix = `test-${randomUUID()}`;
  await using place = await temporary();
  const { hostname, port } = new URL(url);
  const jobs = { backend: 'redis', options: { host: hostname, port: Number(port), prefix }, clientId: 'nightly' };
  await writeFile(join(place.dir, 'holdfast.config.json'), JSON.stringify({ backends: { default: place.url, jobs } }));
  const holder = start(['run', 'a', '--backend', 'jobs', '--', 'sh', '-c', 'echo inside; read line'], {
    cwd: place.dir,
  });
  await holder.said('inside');
  const waiter = startProcess(process.execPath, [program, '{"use":"jobs"}'], { cwd: place.dir });
  const query = async (): Promise<unknown> => {
    return JSON.parse((await holdfast(['query', 'a', '--json', '--backend', `${url}?prefix=${prefix}`])).stdout);
  };
  const mine = expect.objectContaining({ name: 'a', clientId: 'nightly' }) as unknown;
  await expect.poll(query, { timeout: 10_000 }).toEqual({ held: [mine], pending: [mine] });
  holder.process.stdin!.end('\n');
  expect((await waiter.ended).stdout).toBe('holds a on redis\n');
});

test('a program moves from files to the server by HOLDFAST_URL alone', async () => {
  const { url } = await sharedServer('redis');
  await using place = await temporary();
  await writeFile(join(place.dir, 'holdfast.config.json'), JSON.stringify({ backend: place.url }));
  const said = async (env: NodeJS.ProcessEnv): Promise<string> => {
    return (await startProcess(process.execPath, [program], { cwd: place.dir, env }).ended).stdout;
  };
  expect(await said({})).toBe('holds a on file\n');
  expect(await said({ HOLDFAST_URL: `${url}?prefix=test-${randomUUID()}` })).toBe('holds a on redis\n');
});
