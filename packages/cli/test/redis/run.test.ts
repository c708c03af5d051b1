import { startServer } from '@holdfast/testbed';
import { expect, test } from 'vitest';
import { holdfast, start } from '../holdfast.ts';

test('the server dies while the command runs: the command is ended in time, with status 76', async () => {
  await using server = await startServer('redis');
  const running = start([
    'run',
    'a',
    '--backend',
    server.url,
    '--ttl',
    '2s',
    '--',
    'sh',
    '-c',
    'trap "echo cleaned up; exit 0" TERM; echo inside; while :; do sleep 0.05; done',
  ]);
  await running.said('inside');
  await server.kill();
  const killedAt = performance.now();
  const { status, stdout, stderr } = await running.ended;
  expect([status, stdout]).toEqual([76, 'inside\ncleaned up\n']);
  expect(stderr).toContain('holdfast: lock "a" is lost: ending the command\n');
  // The ttl at most, and the patience of the farewell.
  expect(performance.now() - killedAt).toBeLessThan(2000 + 10_000);
});

test("the server hangs when the command ends: its status is still the command's, with a warning", async () => {
  await using server = await startServer('redis');
  const running = start([
    'run',
    'a',
    '--backend',
    server.url,
    '--ttl',
    '30s',
    '--',
    'sh',
    '-c',
    'echo inside; read line; exit 7',
  ]);
  await running.said('inside');
  await server.pause();
  running.process.stdin!.end('\n');
  expect(await running.ended).toMatchObject({
    status: 7,
    stderr: expect.stringMatching(/^holdfast: lock "a" was not released and ends with its ttl: .*\n$/) as unknown,
  });
  await server.resume();
});

test('a wrong password: status 69 and one line that does not show it', async () => {
  await using server = await startServer('redis', { password: 'correct' });
  const backend = server.url.replace('correct', 'hunter2');
  for (const args of [
    ['run', 'a', '--backend', backend, '--', 'echo', 'it-ran'],
    ['doctor', backend],
    ['query', '--backend', backend],
  ]) {
    const { status, stdout, stderr } = await holdfast(args);
    expect(status).toBe(69);
    expect(stderr).toMatch(/^holdfast: [^\n]*\n$/);
    expect(stdout + stderr).not.toMatch(/hunter2|correct|it-ran/);
  }
});

test('doctor on Redis: version and checks', async () => {
  await using server = await startServer('redis', { password: 'hunter2' });
  const { status, stdout } = await holdfast(['doctor', server.url]);
  expect(status).toBe(0);
  expect(stdout).toContain(`redis ${server.version}`);
  expect(stdout).not.toContain('hunter2');
});
