import { inspect } from 'node:util';
import { createLocks } from '@holdfast/core';
import { redis } from '@holdfast/redis';
import type { RedisOptions } from '@holdfast/redis';
import { freePort } from '@holdfast/testbed';
import { expect, test } from 'vitest';

const secret = 'hidden-secret';

async function refused(make: () => unknown): Promise<Error & { code: string }> {
  return Promise.resolve()
    .then(make)
    .then(
      () => expect.unreachable('it was accepted'),
      (failure: Error & { code: string }) => failure,
    );
}

test.each([
  ['a URL without the name of a master', { url: `redis+sentinel://:${secret}@host1,host2` }, 'name of the master'],
  ['a name that is none', { url: `redis+sentinel://:${secret}@host1/my%20master` }, 'name of the master'],
  ['a database that is no number', { url: `redis+sentinel://:${secret}@host1/mymaster/main` }, 'number of a database'],
  ['a host that is none', { url: `redis+sentinel://:${secret}@host1:99999/mymaster` }, 'host:port'],
  ['a sentinel given twice', { url: `redis+sentinel://:${secret}@host1,host1:26379/mymaster` }, 'once'],
  ['an unknown parameter', { url: `redis+sentinel://:${secret}@host1/mymaster?retries=3` }, 'retries'],
  ['a broken password', { url: `redis+sentinel://:%zz${secret}@host1/mymaster` }, 'percent-encoding'],
  ['sentinels without a name', { sentinels: ['host1'] }, 'name'],
  ['no sentinel at all', { sentinels: [], name: 'mymaster' }, 'sentinels'],
  ['a name without sentinels', { name: 'mymaster' }, 'sentinels'],
  ['a password of sentinels without sentinels', { sentinelPassword: secret }, 'sentinelPassword'],
  ['sentinels and a server', { sentinels: ['host1'], name: 'mymaster', host: 'host2' }, 'not both'],
  ['a port that is none', { sentinels: [{ host: 'host1', port: 0 }], name: 'mymaster' }, 'sentinels'],
  ['a map that leads nowhere', { sentinels: ['host1'], name: 'mymaster', natMap: { a: 'b' } }, 'natMap'],
])('%s is refused, by name and without secrets', async (_title, options, shown) => {
  const error = await refused(() => redis({ password: secret, ...options } as RedisOptions));
  expect(error.code).toBe('CONFIG');
  expect(error.message).toContain(shown);
  expect(inspect(error, { depth: 10, showHidden: true })).not.toContain(secret);
});

test.each([
  'redis+sentinel://user:pass@host1:26380,host2,[::1]:26381/mymaster/2?prefix=app&timeout=2s&sentinelPassword=007',
  'rediss+sentinel://host1/mymaster?sentinelUsername=watcher&skewMs=10',
])('%s is taken', async (url) => {
  await using locks = await createLocks(url);
  expect(locks.backend).toBe('redis');
});

test('when no sentinel answers, requests say so, name them, and show no password', async () => {
  const ports = [await freePort(), await freePort()];
  const url = `redis+sentinel://:${secret}@127.0.0.1:${ports[0]},127.0.0.1:${ports[1]}/mymaster?timeout=500&sentinelPassword=${secret}`;
  await using locks = await createLocks(url);
  const error = await refused(() => locks.acquire('name'));
  expect(error.code).toBe('BACKEND_UNAVAILABLE');
  expect(error.message).toContain(`mymaster of the sentinels 127.0.0.1:${ports[0]}, 127.0.0.1:${ports[1]}`);
  expect(error.message).toContain('ECONNREFUSED');
  expect(inspect(error, { depth: 10, showHidden: true })).not.toContain(secret);
});
