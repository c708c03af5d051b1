import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { firstLineOf, startScript } from './fixtures/script.ts';

/** The script's temporary directory: all that its servers leave behind would be here. */
let dir: string;
const environment = () => ({ TMPDIR: dir, HOLDFAST_TEST_SOURCE: 'native' });

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'holdfast-leaves-nothing-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

for (const signal of ['SIGKILL', 'SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  test(`a process that gets ${signal} leaves no server and no directory`, async () => {
    const script = startScript('start.mjs', [], environment());
    const { pid } = JSON.parse(await firstLineOf(script)) as { pid: number };
    expect(isAlive(pid)).toBe(true);
    expect(await readdir(dir)).toHaveLength(1);
    // To the whole group, as the terminal does on Ctrl-C.
    process.kill(-(script.pid ?? NaN), signal);
    await gone(pid);
  });
}

for (const ending of ['throw', 'reject', 'exit', 'end']) {
  test(`a process that ends by itself (${ending}) leaves no server and no directory`, async () => {
    const script = startScript('start.mjs', [ending], environment());
    const { pid } = JSON.parse(await firstLineOf(script)) as { pid: number };
    await gone(pid);
  });
}

test('a frozen server goes too', async () => {
  const script = startScript('start.mjs', ['pause'], environment());
  const { pid } = JSON.parse(await firstLineOf(script)) as { pid: number };
  script.kill('SIGKILL');
  await gone(pid);
});

test('so does one that was being started', async () => {
  for (let ms = 40; ms <= 400; ms += 20) {
    const script = startScript('start.mjs', [], environment());
    await delay(ms);
    script.kill('SIGKILL');
  }
  // A keeper that has yet to start would make its directory only after this: give it time.
  await delay(500);
  await expect.poll(() => readdir(dir), { timeout: 5000 }).toEqual([]);
});

/** The directory goes last: once it has, so has the server. */
async function gone(pid: number): Promise<void> {
  await expect.poll(() => isAlive(pid), { timeout: 5000 }).toBe(false);
  await expect.poll(() => readdir(dir), { timeout: 5000 }).toEqual([]);
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    expect((error as NodeJS.ErrnoException).code).toBe('ESRCH');
    return false;
  }
}
