import { expect, test } from 'vitest';
import { allGone, bin, holdfast, start, startProcess, temporary } from './holdfast.ts';
import type { Running } from './holdfast.ts';

const trapping =
  'trap "echo got USR1" USR1; trap "echo got TERM; exit 9" TERM; echo inside $$; while :; do sleep 0.05; done';

test.for(['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1'] as const)(
  '%s while it waits ends the wait and leaves nothing',
  async (signal) => {
    await using place = await temporary();
    const holder = start(['run', 'a', '--backend', place.url, '--', 'sh', '-c', 'echo inside; read line']);
    await holder.said('inside');
    const waiter = start(['run', 'a', '--backend', place.url, '--', 'echo', 'in']);
    await untilWaiting(place.url, 1);
    waiter.process.kill(signal);
    const numbers = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129, SIGQUIT: 131, SIGUSR1: 138 };
    expect(await waiter.ended).toMatchObject({ status: numbers[signal], stdout: '', stderr: '' });
    await untilWaiting(place.url, 0);
    holder.process.stdin!.end('\n');
    expect((await holder.ended).status).toBe(0);
  },
);

test('signals reach the command, and it decides what becomes of them', async () => {
  await using place = await temporary();
  const running = start(['run', 'a', '--backend', place.url, '--', 'sh', '-c', trapping]);
  await running.said('inside');
  running.process.kill('SIGUSR1');
  await running.said('got USR1');
  running.process.kill('SIGTERM');
  expect(await running.ended).toMatchObject({ status: 9, stderr: '' });
  expect((await holdfast(['run', 'a', '--backend', place.url, '--no-wait', '--', 'true'])).status).toBe(0);
});

test('a command that the forwarded signal ends gives 128 and its number', async () => {
  await using place = await temporary();
  const running = start(['run', 'a', '--backend', place.url, '--', 'sh', '-c', 'echo inside; exec sleep 60']);
  await running.said('inside');
  running.process.kill('SIGHUP');
  expect((await running.ended).status).toBe(129);
});

test('killed together with its process group, it leaves no command behind, and the lock goes on', async () => {
  await using place = await temporary();
  const running = start(['run', 'a', '--backend', place.url, '--ttl', '1s', '--', 'sh', '-c', trapping], {
    detached: true,
  });
  await running.said('inside');
  process.kill(-running.pid, 'SIGKILL');
  expect(await allGone([running.pid, commandOf((await running.ended).stdout)])).toBe(true);
  expect((await holdfast(['run', 'a', '--backend', place.url, '--wait', '5s', '--', 'true'])).status).toBe(0);
});

test('in a terminal: the command has it, and Ctrl-C reaches the command once', async () => {
  await using place = await temporary();
  const counting =
    'test -t 0 && test -t 1 && echo terminal; n=0; trap "n=\\$((n+1))" INT; echo inside; i=0; while [ $i -lt 20 ]; do i=$((i+1)); sleep 0.05; done; echo count $n';
  const running = inTerminal(`'${process.execPath}' '${bin}' run a --backend '${place.url}' -- sh -c '${counting}'`);
  await running.said('inside');
  running.process.stdin!.write('\u0003');
  await running.said('count');
  running.process.stdin!.end();
  const { stdout } = await running.ended;
  expect(stdout).toContain('terminal');
  expect(stdout).toContain('count 1');
});

test('in a terminal: Ctrl-Z stops the job, and fg goes on with it', async () => {
  await using place = await temporary();
  const running = inTerminal('bash --norc -i');
  const write = (line: string): boolean => running.process.stdin!.write(line);
  write(
    `'${process.execPath}' '${bin}' run a --backend '${place.url}' -- sh -c 'echo in''side; sleep 1; echo fin''ished'; echo sta''tus $?\n`,
  );
  await running.said('inside');
  write('\u001a');
  await running.said('status 148');
  write(`fg; echo sec''ond $?\n`);
  await running.said('finished');
  await running.said('second 0');
  write('exit\n');
  running.process.stdin!.end();
  await running.ended;
});

function inTerminal(command: string): Running {
  return startProcess('script', ['-qec', command, '/dev/null'], { env: { SHELL: '/bin/sh', PS1: '$ ' } });
}

async function untilWaiting(url: string, count: number): Promise<void> {
  for (;;) {
    const { stdout } = await holdfast(['query', 'a', '--json', '--backend', url]);
    if ((JSON.parse(stdout) as { pending: unknown[] }).pending.length === count) return;
  }
}

function commandOf(stdout: string): number {
  return Number(/inside (\d+)/.exec(stdout)?.[1]);
}
