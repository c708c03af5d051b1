import { expect, test } from 'vitest';
import { holdfast, start, startProcess, bin, temporary } from './holdfast.ts';
import type { Running } from './holdfast.ts';

interface Entry {
  readonly name: string;
  readonly mode: string;
  readonly fencingToken?: string;
  readonly pid: number;
}

interface Snapshot {
  readonly held: readonly Entry[];
  readonly pending: readonly Entry[];
}

function hold(url: string, name = 'a'): Running {
  return start(['run', name, '--backend', url, '--', 'sh', '-c', 'echo inside $HOLDFAST_FENCING_TOKEN; read line']);
}

async function letGo(holder: Running): Promise<void> {
  holder.process.stdin!.end('\n');
  await holder.ended;
}

async function snapshot(url: string): Promise<Snapshot> {
  return JSON.parse((await holdfast(['query', '--json', '--backend', url])).stdout) as Snapshot;
}

test('--json: holders and waiters, with exact tokens', async () => {
  await using place = await temporary();
  const holder = hold(place.url);
  await holder.said('inside');
  const waiter = start(['run', 'a', '--backend', place.url, '--', 'true']);
  let seen = await snapshot(place.url);
  while (seen.pending.length === 0) seen = await snapshot(place.url);
  const token = /inside (\d+)/.exec(holder.stdout())?.[1];
  expect(seen.held).toMatchObject([{ name: 'a', mode: 'exclusive', fencingToken: token, pid: holder.pid }]);
  expect(seen.pending).toMatchObject([{ name: 'a', mode: 'exclusive', pid: waiter.pid }]);
  await letGo(holder);
  await waiter.ended;
});

test('a table for people, and a name cannot act on the terminal', async () => {
  await using place = await temporary();
  const holder = hold(place.url, 'bell\u0007\u001b[2J');
  await holder.said('inside');
  const { status, stdout } = await holdfast(['query', '--backend', place.url]);
  expect(status).toBe(0);
  expect(stdout).toMatch(
    /^NAME +STATE +MODE +FENCING TOKEN +BY +FOR\nbell\\u0007\\u001b\[2J +held +exclusive +\d+ +\S+:\d+ +\d+s\n$/,
  );
  expect((await holdfast(['query', 'other', '--backend', place.url])).stdout).toBe(
    'Nobody holds or waits for "other".\n',
  );
  await letGo(holder);
});

test('--watch --json: a line per change until Ctrl-C, which is no failure', async () => {
  await using place = await temporary();
  const watching = start(['query', 'a', '--watch', '--json', '--backend', place.url]);
  await watching.said('{"held":[],"pending":[]}');
  const holder = hold(place.url);
  await watching.said('"held":[{"name":"a"');
  await letGo(holder);
  watching.process.kill('SIGINT');
  expect(await watching.ended).toMatchObject({ status: 0, signal: null, stderr: '' });
});

test('--watch ends when its reader goes away', async () => {
  await using place = await temporary();
  const holder = hold(place.url);
  await holder.said('inside');
  const command = `'${process.execPath}' '${bin}' query --watch --backend '${place.url}' | head -n 1; echo over`;
  const piped = startProcess('sh', ['-c', command]);
  await piped.said('NAME');
  await letGo(holder);
  expect(await piped.ended).toMatchObject({
    status: 0,
    stderr: '',
    stdout: expect.stringContaining('over') as unknown,
  });
});
