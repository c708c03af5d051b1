import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createLocks } from '@holdfast/core';
import type { Lock } from '@holdfast/core';
import { freshName } from '../scenario.ts';
import type { Scenario } from '../scenario.ts';

const AT_ONCE = 200;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** So many locks held by one process. What one costs in memory, against a plain object of a name and a number. */
export function held(count: number): Scenario {
  return {
    id: `held-${count}`,
    title: `Heap of one of ${count} locks held by one process`,
    unit: 'bytes',
    better: 'less',
    enter(contender, url) {
      if (contender.role === 'peer' || (contender.role === 'raw' && contender.notification === undefined))
        return Promise.resolve(undefined);
      const measure = contender.role === 'raw' ? () => plain(count) : () => locked(url, count);
      const name = contender.role === 'raw' ? 'a name and a number' : contender.name;
      return Promise.resolve({ name, measure, close: () => Promise.resolve() });
    },
  };
}

function plain(count: number): Promise<number> {
  const before = heap();
  const kept = Array.from({ length: count }, (_, i) => ({ name: freshName(), token: BigInt(i) }));
  const used = heap() - before;
  return Promise.resolve(used / kept.length);
}

async function locked(url: string, count: number): Promise<number> {
  await using locks = await createLocks(url);
  await (await locks.acquire(freshName())).release();
  const before = heap();
  const kept: Lock[] = [];
  while (kept.length < count) {
    const names = Array.from({ length: Math.min(AT_ONCE, count - kept.length) }, freshName);
    kept.push(...(await Promise.all(names.map((name) => locks.acquire(name, { ttl: '10m' })))));
  }
  const used = heap() - before;
  return used / kept.length;
}

function heap(): number {
  collect();
  return process.memoryUsage().heapUsed;
}
