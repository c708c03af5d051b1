/** The same program, unchanged, on every backend: only HOLDFAST_URL differs. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createLocks } from '@holdfast/core';
import { sharedServer } from '@holdfast/testbed';
import type { ServerName } from '@holdfast/testbed';
import { describe, expect, test } from 'vitest';
import { append, entries } from '../dist/journal.js';
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
const EVERY_MS = 1000;

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
  const start = (node: string, jobMs = '50'): Program =>
    new Program(scope, 'cron-job', { args: [node], cwd: setting.cwd, env: { ...setting.env, JOB_MS: jobMs } });

  const doomed = start('a', '600000');
  const [, , tick] = (await doomed.line(/^a starts/)).split(' ');
  const others = [start('b'), start('c')];
  await Promise.all(others.map((node) => node.line(/runs cron/)));
  expect(await doomed.kill('SIGKILL')).toBe('SIGKILL');
  const killedAt = performance.now();
  const heir = await Promise.race(others.map((node) => node.line(/finished/)));
  const took = ((performance.now() - killedAt) / 1000).toFixed(1);
  expect(heir).toMatch(new RegExp(`^[bc] finished ${tick}$`));

  const nodes = [...others, start('d')];
  await nodes[2]?.line(/runs cron/);
  await untilFinished(nodes, (await entries(journal)).length - 1 + 3);
  expect(await Promise.all(nodes.map((node) => node.kill('SIGTERM')))).toEqual([0, 0, 0]);
  return `${ticksOnce(await entries(journal))}; a was killed in the first, ${heir[0]} had done it ${took} s later`;
}

async function untilFinished(nodes: readonly Program[], ticks: number): Promise<void> {
  const finished = (): number => nodes.flatMap(({ lines }) => lines).filter((line) => line.includes('finished')).length;
  while (finished() < ticks) await Promise.race(nodes.map((node) => node.next()));
}

function ticksOnce(done: readonly Entry[]): string {
  const [first] = done;
  expect(
    done.map(({ tick }) => tick),
    'each tick once',
  ).toEqual(done.map((_, index) => Number(first?.tick) + index));
  return `${done.length - 1} ticks, each once`;
}

async function place(
  scope: Scope,
  url: string,
): Promise<{ cwd: string; journal: string; env: Record<string, string> }> {
  const cwd = await scratch(scope);
  const journal = join(cwd, 'journal.txt');
  // Of a node that ran before: from then on every tick is owed.
  await append(journal, { token: 0n, tick: Math.floor(Date.now() / EVERY_MS), node: 'earlier' });
  const env = {
    HOLDFAST_URL: url,
    LOCK_TTL_MS: String(await ttlMs(url)),
    JOB: randomUUID(),
    CRON_EVERY_MS: String(EVERY_MS),
    JOB_MS: '50',
    JOURNAL: journal,
  };
  return { cwd, journal, env };
}

/** Short, so that the lock of a killed node is free soon; no shorter than the backend takes. */
async function ttlMs(url: string): Promise<number> {
  await using locks = await createLocks(url);
  return Math.max(2000, locks.capabilities.ttl.minMs);
}
