import { createServer } from 'node:net';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, startServer } from '@holdfast/testbed';
import { expect, test } from 'vitest';
import { outputOf, startScript } from './fixtures/script.ts';

interface Shared {
  url: string;
  source: string;
  error: string;
}

async function shared(environment: Record<string, string | undefined>): Promise<Shared> {
  const clean = { HOLDFAST_TEST_SOURCE: undefined, HOLDFAST_TEST_REDIS_URL: undefined };
  return JSON.parse(await outputOf(startScript('shared.mjs', [], { ...clean, ...environment }))) as Shared;
}

test('a URL in the environment is the server that is used', async () => {
  await using server = await startServer('redis', { password: 'secret' });
  expect(await shared({ HOLDFAST_TEST_REDIS_URL: server.url })).toMatchObject({ url: server.url, source: 'external' });
});

test('a URL in the environment that does not answer is an error, not a reason to test another server', async () => {
  const { error } = await shared({ HOLDFAST_TEST_REDIS_URL: `redis://:secret@127.0.0.1:${await freePort()}` });
  expect(error).toContain('HOLDFAST_TEST_REDIS_URL');
  expect(error).toContain('ECONNREFUSED');
  expect(error).not.toContain('secret');
});

test('a forced source is the only one', async () => {
  await using server = await startServer('redis');
  expect((await shared({ HOLDFAST_TEST_SOURCE: 'external' })).error).toContain('HOLDFAST_TEST_REDIS_URL is not set');
  const native = { HOLDFAST_TEST_SOURCE: 'native', HOLDFAST_TEST_REDIS_URL: server.url };
  expect(await shared(native)).toMatchObject({ source: 'native' });
  const container = { HOLDFAST_TEST_SOURCE: 'container', DOCKER_HOST: 'unix:///nowhere/docker.sock' };
  expect((await shared(container)).error).toMatch(/^Cannot start redis: container: no Docker engine answers/);
  expect((await shared({ HOLDFAST_TEST_SOURCE: 'cloud' })).error).toContain('got cloud');
});

test('an engine that hangs does not hang the tests', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'holdfast-engine-'));
  const path = join(dir, 'docker.sock');
  const engine = createServer(() => undefined);
  await new Promise<void>((resolve) => engine.listen(path, resolve));
  expect(await shared({ HOLDFAST_TEST_SOURCE: 'container', DOCKER_HOST: `unix://${path}` })).toMatchObject({
    error: expect.stringMatching(/^Cannot start redis: container: no Docker engine answers/),
  });
  engine.close();
  await rm(dir, { recursive: true });
});

test('a server that the run started is shared by all processes below it', async () => {
  await using server = await startServer('redis');
  const { name, url, source, version } = server;
  const run = JSON.stringify({ redis: { name, url, source, version } });
  expect(await shared({ HOLDFAST_TESTBED: run })).toEqual({ url, source, version });
});
