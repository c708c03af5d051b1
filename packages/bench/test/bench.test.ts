import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Line, Result } from '../dist/bench.js';
import { scenarios } from '../dist/scenarios/index.js';

const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));
let output: string;

beforeAll(async () => {
  output = await mkdtemp(join(tmpdir(), 'holdfast-bench-test-'));
});

afterAll(async () => {
  await rm(output, { recursive: true });
});

// What takes part and what comes out; never how fast it is.

/** The heap of as few locks as in a quick run is less than what else is collected meanwhile. */
function expectFigures(results: readonly Result[]): void {
  for (const { scenario, lines } of results)
    expect(holdfastOf(lines), scenario.id).toBeGreaterThan(scenario.id.startsWith('held') ? -Infinity : 0);
}

test('every scenario has a figure for Holdfast on Redis, a ratio to what the server itself takes', async () => {
  const results = await measured('redis', '--contender', 'holdfast');
  expect(results.map(({ scenario }) => scenario.id)).toEqual(scenarios.map(({ id }) => id));
  expectFigures(results);
  const baseOf = (id: string): string | undefined => results.find(({ scenario }) => scenario.id === id)?.lines[0]?.name;
  expect(baseOf('latency')).toBe('two PINGs');
  expect(baseOf('hand-over-processes-10')).toBe('notification');
  expect(baseOf('held-1000')).toBe('a name and a number');
  expect(baseOf('death')).toBe('the ttl');
  expect(await readdir(join(output, 'redis'))).toEqual(expect.arrayContaining(['report.md', 'redis-latency.svg']));
});

test('on the memory backend, what needs no server and no second process', async () => {
  const results = await measured('memory', '--contender', 'holdfast');
  const needs = /requests|processes|death/;
  expect(results.map(({ scenario }) => scenario.id)).toEqual(
    scenarios.map(({ id }) => id).filter((id) => !needs.test(id)),
  );
  expectFigures(results);
});

test('every peer has a ratio', async () => {
  const [latency, handOver] = await measured('redis', '--scenario', 'latency,hand-over-processes-2', '--shared');
  expect(latency?.lines[0]?.ratio?.median).toBe(1);
  expect(latency?.lines.map(({ name, ratio }) => `${name}: ${typeof ratio?.median}`)).toEqual([
    'two PINGs: number',
    'SET NX and compare-and-delete: number',
    'two scripts that do nothing: number',
    'the least scripts with a token and a queue: number',
    'holdfast: number',
    expect.stringMatching(/^redis-semaphore \d.*: number$/),
    expect.stringMatching(/^redlock \d.*: number$/),
    expect.stringMatching(/^@sesamecare-oss\/redlock \d.*: number$/),
    expect.stringMatching(/^redlock-universal \d.*: number$/),
    expect.stringMatching(/^@microfleet\/ioredis-lock \d.*: number$/),
    expect.stringMatching(/^@verrou\/core \d.*: number$/),
    expect.stringMatching(/^live-mutex \d.*: number$/),
  ]);
  const peers = latency?.lines.map(({ name }) => name).filter((name) => /\d/.test(name));
  expect(handOver?.lines.map(({ name, failed }) => failed ?? name)).toEqual([
    'notification',
    'a list and PUBLISH',
    'a list and PUBLISH with owners and tokens',
    'holdfast',
    ...(peers ?? []),
  ]);
});

test.each(['file', 'etcd', 'zookeeper', 'consul', 'postgres', 'mysql', 'rabbitmq', 'kafka'])(
  '%s is measured against its own round trips',
  async (backend) => {
    const [latency] = await measured(backend, '--scenario', 'latency', '--shared');
    expect(latency?.lines.find(({ name }) => name === 'holdfast')?.ratio?.median).toBeGreaterThan(0);
    expect(latency?.lines.filter(({ failed }) => failed !== undefined)).toEqual([]);
  },
);

test.each([
  ['--backend', 'oracle'],
  ['--scenario', 'speed'],
  ['--contender', 'oracle'],
  ['--rounds', '0'],
])('%s %s is refused', async (...args) => {
  expect(await run(...args)).toMatchObject({ status: 64, stdout: '' });
});

function holdfastOf(lines: readonly Line[]): number | undefined {
  const holdfast = lines.find(({ name }) => name === 'holdfast');
  expect(holdfast?.failed).toBeUndefined();
  return holdfast?.figure;
}

async function measured(backend: string, ...args: readonly string[]): Promise<Result[]> {
  const into = join(output, backend);
  const { status, stderr } = await run('--quick', '--backend', backend, '--output', into, ...args);
  expect(status, stderr).toBe(0);
  expect(stderr).toContain(`${backend} latency\n`);
  return JSON.parse(await readFile(join(into, 'results.json'), 'utf8')) as Result[];
}

function run(...args: readonly string[]): Promise<{ status: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [main, ...args], (error, stdout, stderr) => {
      resolve({ status: typeof error?.code === 'number' ? error.code : 0, stdout, stderr });
    });
  });
}
