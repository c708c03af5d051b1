import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { allGone, holdfast, start, temporary } from './holdfast.ts';
import type { Running } from './holdfast.ts';

const TTL_MS = 1000;

test('frozen past its ttl: the next one gets in, and the command is ended with status 76', async () => {
  await using place = await temporary();
  const running = run(place.url, 'echo $HOLDFAST_FENCING_TOKEN inside; sleep 60');
  await freeze(running, async () => {
    const next = await holdfast([
      'run',
      'a',
      '--backend',
      place.url,
      '--wait',
      '5s',
      '--',
      'sh',
      '-c',
      'echo $HOLDFAST_FENCING_TOKEN',
    ]);
    expect(next.status).toBe(0);
    expect(BigInt(next.stdout.trim()) > BigInt((await soFar(running)).split(' ')[0]!)).toBe(true);
  });
  expect(await running.ended).toMatchObject({ status: 76, stderr: 'holdfast: lock "a" is lost: ending the command\n' });
});

test('a command that ended while holdfast was frozen past the ttl does not pass for one under the lock', async () => {
  await using place = await temporary();
  const running = run(place.url, 'echo inside; sleep 0.5');
  await freeze(running);
  expect((await running.ended).status).toBe(76);
});

test('after a loss the command gets SIGTERM and may clean up', async () => {
  await using place = await temporary();
  const running = run(place.url, 'trap "echo cleaned up; exit 3" TERM; echo inside; while :; do sleep 0.05; done');
  await freeze(running);
  const { status, stdout } = await running.ended;
  expect([status, stdout]).toEqual([76, 'inside\ncleaned up\n']);
});

test('after --grace SIGKILL ends what ignores SIGTERM, and what the command had started', async () => {
  await using place = await temporary();
  const stubborn = 'trap "" TERM; (while :; do sleep 0.05; done) & echo $! $$ inside; wait';
  const running = run(place.url, stubborn, '--grace', '300ms');
  await freeze(running);
  const { status, stdout } = await running.ended;
  expect(status).toBe(76);
  expect(await allGone(stdout.split(' ').slice(0, 2).map(Number))).toBe(true);
});

test('the worker behind a wrapper that dies of SIGTERM is not left to itself', async () => {
  await using place = await temporary();
  const running = run(
    place.url,
    '(trap "" TERM; while :; do sleep 0.05; done) & echo $! inside; wait',
    '--grace',
    '300ms',
  );
  await freeze(running);
  const { status, stdout } = await running.ended;
  expect(status).toBe(76);
  expect(await allGone([Number(stdout.split(' ')[0])])).toBe(true);
});

test('a stopped command is ended, too', async () => {
  await using place = await temporary();
  const running = run(place.url, 'echo $$ inside; while :; do sleep 0.05; done');
  await running.said('inside');
  process.kill(Number((await soFar(running)).split(' ')[0]), 'SIGSTOP');
  await freeze(running);
  expect((await running.ended).status).toBe(76);
});

function run(url: string, script: string, ...options: string[]): Running {
  return start(['run', 'a', '--backend', url, '--ttl', `${TTL_MS}ms`, ...options, '--', 'sh', '-c', script]);
}

async function freeze(running: Running, meanwhile: () => Promise<void> = () => delay(TTL_MS * 1.5)): Promise<void> {
  await running.said('inside');
  running.process.kill('SIGSTOP');
  try {
    await meanwhile();
  } finally {
    running.process.kill('SIGCONT');
  }
}

async function soFar(running: Running): Promise<string> {
  await running.said('inside');
  return running.stdout();
}
