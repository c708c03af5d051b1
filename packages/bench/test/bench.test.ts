import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Result } from '../dist/bench.js';

const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));
let output: string;

beforeAll(async () => {
  output = await mkdtemp(join(tmpdir(), 'holdfast-bench-test-'));
});

afterAll(async () => {
  await rm(output, { recursive: true });
});

// What takes part and what comes out; never how fast it is.
test('measures every scenario against the raw round trips and the peers', { timeout: 240_000 }, async () => {
  const asked = { memory: 'latency,throughput-16,hand-over-2,held-1000', file: 'latency', redis: 'latency,contention' };
  const found = new Map<string, Result>();
  for (const [backend, scenarios] of Object.entries(asked)) {
    const args = ['--backend', backend, '--scenario', scenarios, '--rounds', '1', '--output', output];
    expect(await run(...args)).toMatchObject({ status: 0, stderr: '' });
    const results = JSON.parse(await readFile(join(output, 'results.json'), 'utf8')) as Result[];
    expect(results.map(({ scenario }) => scenario.id)).toEqual(scenarios.split(','));
    for (const result of results) {
      const holdfast = result.lines.find(({ name }) => name === 'holdfast');
      expect(holdfast?.failed, `${backend} ${result.scenario.id}`).toBeUndefined();
      expect(holdfast?.figure, `${backend} ${result.scenario.id}`).toBeGreaterThan(0);
      found.set(`${backend} ${result.scenario.id}`, result);
    }
  }
  const redis = found.get('redis latency')?.lines ?? [];
  expect(redis[0]?.ratio?.median).toBe(1);
  expect(redis.map(({ name, ratio }) => `${name}: ${typeof ratio?.median}`)).toEqual([
    'two PINGs: number',
    'SET NX and compare-and-delete: number',
    'holdfast: number',
    expect.stringMatching(/^redis-semaphore \d.*: number$/),
    expect.stringMatching(/^redlock \d.*: number$/),
    expect.stringMatching(/^@sesamecare-oss\/redlock \d.*: number$/),
    expect.stringMatching(/^@verrou\/core \d.*: number$/),
  ]);
  expect(await readdir(output)).toEqual(expect.arrayContaining(['report.md', 'redis-latency.svg']));
});

test.each([
  ['--backend', 'oracle'],
  ['--scenario', 'speed'],
  ['--rounds', '0'],
])('%s %s is refused', async (...args) => {
  expect(await run(...args)).toMatchObject({ status: 64, stdout: '' });
});

function run(...args: readonly string[]): Promise<{ status: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [main, ...args], (error, stdout, stderr) => {
      resolve({ status: typeof error?.code === 'number' ? error.code : 0, stdout, stderr });
    });
  });
}
