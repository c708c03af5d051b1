import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { firstLineOf, startScript } from './fixtures/script.ts';

/** The script's temporary directory: all that its servers leave behind would be here. */
let dir: string;
const environment = () => ({ TMPDIR: dir });

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'holdfast-leaves-nothing-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

for (const signal of ['SIGKILL', 'SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  test(`a process that gets ${signal} leaves no server and no directory`, async () => {
    const script = startScript('start.mjs', [], environment());
    const { port } = JSON.parse(await firstLineOf(script)) as { port: number };
    expect(await isServed(port)).toBe(true);
    // To the whole group, as the terminal does on Ctrl-C.
    process.kill(-(script.pid ?? NaN), signal);
    await gone(port);
  });
}

for (const ending of ['throw', 'reject', 'exit', 'end']) {
  test(`a process that ends by itself (${ending}) leaves no server and no directory`, async () => {
    const script = startScript('start.mjs', [ending], environment());
    const { port } = JSON.parse(await firstLineOf(script)) as { port: number };
    await gone(port);
  });
}

test('a frozen server goes too', async () => {
  const script = startScript('start.mjs', ['pause'], environment());
  const { port } = JSON.parse(await firstLineOf(script)) as { port: number };
  script.kill('SIGKILL');
  await gone(port);
});

test('so does one that was being started', async () => {
  for (let ms = 40; ms <= 400; ms += 20) {
    const script = startScript('start.mjs', [], { ...environment(), HOLDFAST_TEST_SOURCE: 'native' });
    await delay(ms);
    script.kill('SIGKILL');
  }
  // A keeper that has yet to start would make its directory only after this: give it time.
  await delay(500);
  await expect.poll(left, { timeout: 5000 }).toEqual([]);
});

/** testcontainers keeps one file of its own there, always of the same name. */
async function left(): Promise<string[]> {
  return (await readdir(dir)).filter((name) => name.startsWith('holdfast-'));
}

/** The directory goes last: once it has, so has the server. */
async function gone(port: number): Promise<void> {
  await expect.poll(() => isServed(port), { timeout: 5000 }).toBe(false);
  await expect.poll(left, { timeout: 5000 }).toEqual([]);
}

/** A frozen server, too, has a port that can be connected to. */
function isServed(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true));
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') resolve(false);
      else reject(error);
    });
    socket.once('connect', () => socket.destroy());
  });
}
