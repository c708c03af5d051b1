import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { sharedServer } from '@holdfast/testbed';
import type { ServerName } from '@holdfast/testbed';
import { expect, test } from 'vitest';
import { rateLimitedApi } from '../dist/rate-limited-api.js';
import { listening } from './listening.ts';
import { Program, scratch } from './program.ts';
import type { Scope } from './program.ts';

const LIMIT = 3;
const CALL_MS = 50;
const CALLS = 8;

test('the API refuses who comes without asking for a permit', async (scope) => {
  const { server } = rateLimitedApi(LIMIT, 2000);
  const url = `http://127.0.0.1:${await listening(scope, server)}`;
  const statuses = await Promise.all(Array.from({ length: LIMIT + 2 }, async () => (await fetch(url)).status));
  expect(statuses.toSorted()).toEqual([200, 200, 200, 429, 429]);
});

test('three processes use all the room that the API has, and are never refused: file', async (scope) => {
  await expectNoneRefused(scope, pathToFileURL(join(await scratch(scope), 'locks')).href);
});

for (const name of ['redis', 'postgres'] as const) {
  test(`the same on ${name}`, async (scope) => {
    await expectNoneRefused(scope, (await sharedServer(name)).url);
  });
}

test('the same on mysql in lease mode', async (scope) => {
  await expectNoneRefused(scope, `${(await sharedServer('mysql')).url}?mode=lease`);
});

for (const name of ['mysql', 'rabbitmq'] as const satisfies readonly ServerName[]) {
  test(`${name} has no semaphores: the worker says so in one line, and calls nobody`, async (scope) => {
    const { server, statistics } = rateLimitedApi(LIMIT, CALL_MS);
    const port = await listening(scope, server);
    const worker = await start(scope, (await sharedServer(name)).url, port);
    expect(await worker.ended).toBe(1);
    expect(worker.lines).toEqual([
      expect.stringMatching(`^${name} has no semaphores; point HOLDFAST_URL at a backend`),
    ]);
    expect(statistics.served).toBe(0);
  });
}

async function expectNoneRefused(scope: Scope, holdfastUrl: string): Promise<void> {
  const { server, statistics } = rateLimitedApi(LIMIT, CALL_MS);
  const port = await listening(scope, server);
  const workers = await Promise.all([1, 2, 3].map(() => start(scope, holdfastUrl, port)));
  const statuses = await Promise.all(workers.map(({ ended }) => ended));
  expect([statuses, workers.flatMap(({ lines }) => lines)]).toEqual([
    [0, 0, 0],
    Array(3).fill(`${CALLS} calls, none refused`),
  ]);
  expect(statistics).toEqual({ served: 3 * CALLS, refused: 0, most: LIMIT });
}

async function start(scope: Scope, holdfastUrl: string, port: number): Promise<Program> {
  const env = { HOLDFAST_URL: holdfastUrl, API_URL: `http://127.0.0.1:${port}`, API_PERMITS: String(LIMIT) };
  return new Program(scope, 'worker-pool', { args: [String(CALLS)], env, cwd: await scratch(scope) });
}
