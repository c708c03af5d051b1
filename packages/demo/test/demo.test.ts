import { spawn } from 'node:child_process';
import type { ChildProcess, ChildProcessByStdio } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';

const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));

/** With a temporary directory of its own, so that what it leaves there can be seen. */
function start(dir: string, ...args: string[]): ChildProcessByStdio<null, Readable, Readable> {
  return spawn(process.execPath, [main, ...args], {
    cwd: dir,
    env: { ...process.env, TMPDIR: dir },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

async function scratch(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'holdfast-demo-test-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

function ended(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => child.once('close', resolve));
}

test('under the lock no addition is lost, and the picture shows every hold', { timeout: 120_000 }, async () => {
  const dir = await scratch();
  const child = start(dir, '--processes', '3', '--additions', '2');
  const [stdout, stderr, status] = await Promise.all([text(child.stdout), text(child.stderr), ended(child)]);
  expect([stderr, status]).toEqual(['', 0]);
  expect(stdout).toContain('6 additions, the counter stands at 6: none was lost. At most 1 inside at once.');
  expect(stdout).toMatch(/Fencing tokens in the order of entry, from \d+ to \d+: each greater than the one before\./);
  expect(stdout).toContain(`The picture: ${join('demo-output', 'timeline.svg')}`);
  const picture = await readFile(join(dir, 'demo-output', 'timeline.svg'), 'utf8');
  expect(picture.match(/fencing token \d+/g)).toHaveLength(6);
  expect(await readdir(dir)).toEqual(['demo-output']);
});

test('interrupted, it leaves no process and no file', { timeout: 120_000 }, async () => {
  const dir = await scratch();
  const child = start(dir, '--processes', '4', '--additions', '5');
  let stdout = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  while (!stdout.includes('under holdfast run')) await delay(20);
  await delay(500);
  child.kill('SIGINT');
  expect(await ended(child)).toBe(130);
  expect(await readdir(dir)).toEqual([]);
  expect(await processesNaming(dir)).toEqual([]);
});

test('a bad option is refused with one line', async () => {
  const dir = await scratch();
  const child = start(dir, '--processes', 'many');
  const [stderr, status] = await Promise.all([text(child.stderr), ended(child)]);
  expect(status).toBe(1);
  expect(stderr).toContain('Expected --processes to be a whole number from 1 to 9999, got many');
});

/** The command lines of all processes that mention `dir`. */
async function processesNaming(dir: string): Promise<string[]> {
  const child = spawn('ps', ['-A', '-ww', '-o', 'args='], { stdio: ['ignore', 'pipe', 'inherit'] });
  return (await text(child.stdout)).split('\n').filter((line) => line.includes(dir));
}
