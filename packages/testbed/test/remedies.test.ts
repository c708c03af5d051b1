import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startServer } from '@holdfast/testbed';
import { expect, test } from 'vitest';
import { outputOf, startScript } from './fixtures/script.ts';

/** What someone is told who asks for a server from an engine at `DOCKER_HOST`, and is not root. */
async function toldOf(engine: string): Promise<string> {
  const script = startScript('ask-as-nobody.mjs', [], { HOLDFAST_TEST_SOURCE: 'container', DOCKER_HOST: engine });
  return outputOf(script);
}

async function listening(where: string | number): Promise<Server> {
  const server = createServer((socket) => socket.destroy());
  server.listen(where);
  await once(server, 'listening');
  return server;
}

test('no engine: that one is to be started, or named, or not asked for', async () => {
  const told = await toldOf('unix:///nowhere/docker.sock');
  expect(told).toContain(
    'Cannot start redis: container: no Docker engine answers at DOCKER_HOST, which is /nowhere/docker.sock',
  );
  expect(told).toContain('start one');
  expect(told).toContain('HOLDFAST_TEST_SOURCE=native');
});

test('an engine that this user may not use: which group to join', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'holdfast-engine-'));
  const path = join(dir, 'docker.sock');
  const engine = await listening(path);
  await chmod(dir, 0o755);
  await chmod(path, 0o000);
  const told = await toldOf(`unix://${path}`);
  expect(told).toContain(`Cannot start redis: container: this user may not use the Docker engine at ${path} (EACCES)`);
  expect(told).toContain('usermod -aG docker');
  engine.close();
  await rm(dir, { recursive: true });
});

test('a port that somebody took while the server was down: which one; once it is free the server comes back', async () => {
  await using server = await startServer('redis', { source: 'native' });
  await server.kill();
  const thief = await listening(server.port);
  await expect(server.restart()).rejects.toThrow(`port ${server.port} is taken by another process: end that one`);
  thief.close();
  await once(thief, 'close');
  await server.restart();
});

test('a server that dies as it starts: its last words', async () => {
  const broken = startServer('redis', { source: 'native', args: ['--maxmemory', 'plenty'] });
  await expect(broken).rejects.toThrow(/^Cannot start redis: native: it ended with status 1: [^]*maxmemory "plenty"/);
});
