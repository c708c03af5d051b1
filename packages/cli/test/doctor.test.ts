import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
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
