import { execFile } from 'node:child_process';
import { connect } from 'node:net';
import { promisify } from 'node:util';
import { startHosts, startServer } from '@holdfast/testbed';
import type { RunningServer, TestHost } from '@holdfast/testbed';
import { expect, test } from 'vitest';
import { firstLineOf, startScript } from './fixtures/script.ts';

const run = promisify(execFile);
/** Beyond the first and the second repetition of a lost packet. */
const PATIENCE_S = 4;

/** Whether this machine gets through to the server. */
function reaches({ url }: RunningServer): Promise<boolean> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect({ host: hostname, port: Number(port), timeout: PATIENCE_S * 1000 });
    const answer = (value: boolean) => (): void => {
      socket.destroy();
      resolve(value);
    };
    socket.once('connect', answer(true)).once('timeout', answer(false)).once('error', answer(false));
  });
}

/** Whether another host does. */
async function hears(from: TestHost, { url }: RunningServer): Promise<boolean> {
  const { hostname, port } = new URL(url);
  const ask = ['bash', '-c', `exec 3<>/dev/tcp/${hostname}/${port}`];
  return run('ip', ['netns', 'exec', from.name, 'timeout', `${PATIENCE_S}`, ...ask]).then(
    () => true,
    () => false,
  );
}

test('hosts reach each other and this machine reaches them, but for what is cut', { timeout: 90_000 }, async () => {
  await using network = await startHosts(2);
  const [own, other] = network.hosts as [TestHost, TestHost];
  await using server = await startServer('redis', { host: own });
  expect(new URL(server.url).hostname).toBe(own.address);
  expect([await reaches(server), await hears(other, server)]).toEqual([true, true]);
  await network.partition(own);
  expect([await reaches(server), await hears(other, server)]).toEqual([true, false]);
  await network.heal(own);
  await network.isolate(own);
  expect([await reaches(server), await hears(other, server)]).toEqual([false, false]);
  await network.heal(own);
  await network.lose(own, 1);
  expect(await reaches(server)).toBe(false);
  await network.heal(own);
  expect([await reaches(server), await hears(other, server)]).toEqual([true, true]);
  await server.restart();
  expect(await hears(other, server)).toBe(true);
});

test('a process that is killed leaves no host behind', async () => {
  const script = startScript('hosts.mjs', [], {});
  const [name = ''] = JSON.parse(await firstLineOf(script)) as string[];
  expect(await namespaces()).toContain(name);
  script.kill('SIGKILL');
  await expect.poll(namespaces, { timeout: 5000 }).not.toContain(name);
});

async function namespaces(): Promise<string> {
  return (await run('ip', ['netns', 'list'])).stdout;
}
