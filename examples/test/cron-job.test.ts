/** The same program, unchanged, on every backend: only HOLDFAST_URL differs. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createLocks } from '@holdfast/core';
import { sharedServer } from '@holdfast/testbed';
import type { ServerName } from '@holdfast/testbed';
import { describe, expect, test } from 'vitest';
import { entries } from '../dist/journal.js';
import type { Entry } from '../dist/journal.js';
import { Program, scratch } from './program.ts';
import type { Scope } from './program.ts';

/** The slowest to free a dead node's lock first. */
const servers: readonly ServerName[] = [
  'consul',
  'zookeeper',
  'etcd',
  'kafka',
  'redis',
  'rabbitmq',
  'mysql',
  'postgres',
];
const EVERY_MS = 2000;
/** Long enough to be killed in, and over before the next tick. */
const JOB_MS = 600;

describe.concurrent('three processes run each tick once, and the tick of one that is killed is done by another', () => {
  for (const name of servers) {
    test(`on ${name}`, async (scope) => {
      const { url, version } = await sharedServer(name);
      const outcome = await runOnThree(scope, url);
      console.log(`${name} ${version}: ${outcome}`);
    });
  }

  test('on file', async (scope) => {
    const url = pathToFileURL(join(await scratch(scope), 'locks')).href;
    const outcome = await runOnThree(scope, url);
    console.log(`file: ${outcome}`);
  });

  test('on memory: three nodes in one process, which is as far as its locks reach', async (scope) => {
    const { journal, ...setting } = await place(scope, 'memory:');
    const process = new Program(scope, 'cron-job', { args: ['a', 'b', 'c'], ...setting });
    await process.line(/memory locks end at this process/);
    await untilFinished([process], 3);
    expect(await process.kill('SIGTERM')).toBe(0);
    console.log(`memory: ${ticksOnce(await entries(journal))} by three nodes in one process`);
  });
});

async function runOnThree(scope: Scope, url: string): Promise<string> {
  const { journal, ...setting } = await place(scope, url);
  const nodes = new Map(
    ['a', 'b', 'c'].map((node) => [node, new Program(scope, 'cron-job', { args: [node], ...setting })]),
  );
  const tick = Math.max(...(await Promise.all([...nodes.values()].map(nextTickOf))));

  const first = await Promise.race([...nodes.values()].map((node) => node.line(new RegExp(`starts ${tick}$`))));
  const [killed = ''] = first.split(' ');
  expect(await nodes.get(killed)?.kill('SIGKILL')).toBe('SIGKILL');
  const killedAt = performance.now();
  nodes.delete(killed);

  const others = [...nodes.values()];
  const heir = await Promise.race(others.map((node) => node.line(new RegExp(`finished ${tick}$`))));
  const took = ((performance.now() - killedAt) / 1000).toFixed(1);
  await untilFinished(others, 3);
  expect(await Promise.all(others.map((node) => node.kill('SIGTERM')))).toEqual([0, 0]);

  const done = await entries(journal);
  expect(done.find((entry) => entry.tick === tick)?.node).toBe(heir[0]);
  expect(heir[0]).not.toBe(killed);
  return `${ticksOnce(done)}; ${killed} was killed in one of them, ${heir[0]} had done it ${took} s later`;
}

async function nextTickOf(node: Program): Promise<number> {
  return Number((await node.line(/waits for/)).split(' ').at(-1));
}

async function untilFinished(nodes: readonly Program[], ticks: number): Promise<void> {
  const finished = (): number => nodes.flatMap(({ lines }) => lines).filter((line) => line.includes('finished')).length;
  while (finished() < ticks) await Promise.race(nodes.map((node) => node.next()));
}

function ticksOnce(done: readonly Entry[]): string {
  const ticks = done.map(({ tick }) => tick);
  expect(ticks.length).toBeGreaterThanOrEqual(3);
  expect(ticks, 'each tick once, in order').toEqual([...new Set(ticks)].toSorted((a, b) => a - b));
  return `${ticks.length} ticks, each once`;
}

async function place(
  scope: Scope,
  url: string,
): Promise<{ cwd: string; journal: string; env: Record<string, string> }> {
  const cwd = await scratch(scope);
  const journal = join(cwd, 'journal.txt');
  const env = {
    HOLDFAST_URL: url,
    LOCK_TTL_MS: String(await ttlMs(url)),
    JOB: randomUUID(),
    CRON_EVERY_MS: String(EVERY_MS),
    JOB_MS: String(JOB_MS),
    JOURNAL: journal,
  };
  return { cwd, journal, env };
}

/** Short, so that the lock of a killed node is free soon; no shorter than the backend takes. */
async function ttlMs(url: string): Promise<number> {
  await using locks = await createLocks(url);
  return Math.max(2000, locks.capabilities.ttl.minMs);
}
