import { setTimeout as sleep } from 'node:timers/promises';
import { sharedServer } from '@holdfast/testbed';
import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { contendersOf } from '../dist/backends.js';
import { counterFor } from '../dist/counters/index.js';
import { total } from '../dist/counters/prometheus.js';
import { openPlace } from '../dist/place.js';

test.each(['etcd', 'zookeeper', 'consul', 'postgres', 'mysql'] as const)(
  'of %s, nothing is counted while nothing is done, and each round trip once',
  async (backend) => {
    const place = await openPlace(backend, false);
    onTestFinished(() => place[Symbol.asyncDispose]());
    const [raw] = await contendersOf(backend);
    const client = await raw?.open(place.url, 30_000);
    onTestFinished(async () => void (await client?.close()));
    const counter = counterFor(backend, place.url);
    const cycle = async (name: string): Promise<unknown> => (await client?.acquire(name))?.();
    await cycle('first');
    expect(await counter?.during(() => Promise.resolve())).toBe(0);
    const counted = await counter?.during(async () => {
      for (let i = 0; i < 10; i += 1) await cycle(`name ${i}`.replace(' ', '-'));
    });
    expect(counted).toBe(backend === 'mysql' ? 30 : 20);
  },
);

test('of Redis, what a script calls is not what a client sent', async () => {
  const { url } = await sharedServer('redis');
  const redis = new Redis(url);
  onTestFinished(async () => void (await redis.quit()));
  await redis.ping();
  const counted = await counterFor('redis', url)?.during(async () => {
    await redis.eval(`for i = 1, 5 do redis.call('get', KEYS[1]) end`, 1, 'bench-counted');
    await Promise.all([redis.get('bench-counted'), redis.get('bench-counted')]);
    await sleep(1);
  });
  expect(counted).toBe(3);
});

test('a metric is summed over its labels, and is no other whose name begins alike', () => {
  const text = ['# TYPE a counter', 'a{x="1 2",y="}"} 3', 'a{x="2"} 4e1', 'a 0.5', 'a_total 100', ''].join('\n');
  expect(total(text, 'a')).toBe(43.5);
});
