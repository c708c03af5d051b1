import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { bin, holdfast, start, startProcess, temporary } from './holdfast.ts';

test("the command's exit status is ours", async () => {
  await using place = await temporary();
  const { status, stderr } = await holdfast(['run', 'a', '--backend', place.url, '--', 'sh', '-c', 'exit 7']);
  expect([status, stderr]).toEqual([7, '']);
});

test('a command that a signal ended gives 128 and its number', async () => {
  await using place = await temporary();
  const { status } = await holdfast(['run', 'a', '--backend', place.url, '--', 'sh', '-c', 'kill -KILL $$']);
  expect(status).toBe(137);
});

test.for([
  ['no-such-command-anywhere', 127, 'holdfast: command not found: no-such-command-anywhere\n'],
  ['/etc/passwd', 126, 'holdfast: cannot execute /etc/passwd: permission denied\n'],
] as const)('%s: status %d, and the lock is free again', async ([command, status, stderr]) => {
  await using place = await temporary();
  expect(await holdfast(['run', 'a', '--backend', place.url, '--', command])).toMatchObject({ status, stderr });
  expect((await holdfast(['run', 'a', '--backend', place.url, '--no-wait', '--', 'true'])).status).toBe(0);
});

test('the command reads our stdin, and writes our stdout and stderr', async () => {
  await using place = await temporary();
  const stdin = 'x'.repeat(300_000);
  const outcome = await holdfast(['run', 'a', '--backend', place.url, '--', 'sh', '-c', 'cat; echo problem >&2'], {
    stdin,
  });
  expect(outcome.stdout === stdin).toBe(true);
  expect(outcome.stderr).toBe('problem\n');
});

test('the command knows the name and a fencing token that grows', async () => {
  await using place = await temporary();
  const tokens: bigint[] = [];
  for (let run = 0; run < 3; run += 1) {
    const { stdout } = await holdfast([
      'run',
      'a name/with *',
      '--backend',
      place.url,
      '--',
      'sh',
      '-c',
      'echo "$HOLDFAST_NAME:$HOLDFAST_FENCING_TOKEN"',
    ]);
    const [name, token = ''] = stdout.trim().split(':');
    expect(name).toBe('a name/with *');
    tokens.push(BigInt(token));
  }
  expect(tokens[0]! < tokens[1]! && tokens[1]! < tokens[2]!).toBe(true);
});

test("options after `--` are the command's", async () => {
  await using place = await temporary();
  const { stdout } = await holdfast(['run', 'a', '--backend', place.url, '--', 'echo', '--ttl', '--', '--no-wait']);
  expect(stdout).toBe('--ttl -- --no-wait\n');
});

test('a lock that is held: 75 at once with --no-wait, 75 in time with --wait, and the wait is over when it is released', async () => {
  await using place = await temporary();
  const holder = start(['run', 'a', '--backend', place.url, '--', 'sh', '-c', 'echo inside; read line; echo outside']);
  await holder.said('inside');
  expect(await holdfast(['run', 'a', '--backend', place.url, '--no-wait', '--', 'echo', 'no'])).toMatchObject({
    status: 75,
    stdout: '',
    stderr: 'holdfast: lock "a" is not free\n',
  });
  expect(await holdfast(['run', 'a', '--backend', place.url, '--wait', '300ms', '--', 'echo', 'no'])).toMatchObject({
    status: 75,
    stdout: '',
    stderr: 'holdfast: Lock "a" was not granted within 300 ms\n',
  });
  const waiter = start(['run', 'a', '--backend', place.url, '--', 'echo', 'in']);
  holder.process.stdin!.end('\n');
  expect(await holder.ended).toMatchObject({ status: 0 });
  expect(await waiter.ended).toMatchObject({ status: 0, stdout: 'in\n' });
});

test('--shared ones are inside together, an exclusive one is not', async () => {
  await using place = await temporary();
  const reader = start(['run', 'a', '--backend', place.url, '--shared', '--', 'sh', '-c', 'echo inside; read line']);
  await reader.said('inside');
  expect((await holdfast(['run', 'a', '--backend', place.url, '--shared', '--no-wait', '--', 'true'])).status).toBe(0);
  expect((await holdfast(['run', 'a', '--backend', place.url, '--no-wait', '--', 'true'])).status).toBe(75);
  reader.process.stdin!.end('\n');
  await reader.ended;
});

test('--permits 2: two are inside, a third is not', async () => {
  await using place = await temporary();
  const args = ['run', 'a', '--backend', place.url, '--permits', '2'];
  const first = start([...args, '--', 'sh', '-c', 'echo inside; read line']);
  await first.said('inside');
  const second = start([...args, '--', 'sh', '-c', 'echo inside; read line']);
  await second.said('inside');
  expect((await holdfast([...args, '--no-wait', '--', 'true'])).status).toBe(75);
  first.process.stdin!.end('\n');
  await first.ended;
  expect((await holdfast([...args, '--no-wait', '--', 'true'])).status).toBe(0);
  second.process.stdin!.end('\n');
  await second.ended;
});

test('with stdout and stderr closed the status is still right', async () => {
  await using place = await temporary();
  const script = `"$0" "$@" >&- 2>&-; echo $? >"${place.dir}/status"`;
  await startProcess('sh', [
    '-c',
    script,
    process.execPath,
    bin,
    'run',
    'a',
    '--backend',
    place.url,
    '--',
    'no-such-command',
  ]).ended;
  expect(readFileSync(join(place.dir, 'status'), 'utf8')).toBe('127\n');
});
