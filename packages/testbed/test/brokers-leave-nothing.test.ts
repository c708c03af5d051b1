import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { leftIn } from './fixtures/left-behind.ts';
import { firstLineOf, startScript } from './fixtures/script.ts';

for (const [name, ending] of [
  ['rabbitmq', 'stay'],
  ['rabbitmq', 'pause'],
  ['kafka', 'stay'],
] as const) {
  test(`${name} ends with the process that started it, and leaves no daemon behind (${ending})`, async () => {
    const dir = await mkdtemp(join(tmpdir(), 'holdfast-leaves-nothing-'));
    const script = startScript('start-server.mjs', [name, ending], { TMPDIR: dir });
    const { pid } = JSON.parse(await firstLineOf(script)) as { pid: number };
    expect(leftIn(dir)).toContain(`${pid}`);
    script.kill('SIGKILL');
    await expect.poll(() => leftIn(dir), { timeout: 5000 }).toEqual([]);
    await rm(dir, { recursive: true });
  });
}
