import { inspect } from 'node:util';
import { createLocks } from '@holdfast/core';
import { redis } from '@holdfast/redis';
import type { RedisOptions } from '@holdfast/redis';
import { expect, test } from 'vitest';

const secret = 'hidden-secret';

test.each([
  ['an unknown option', { retries: 3 }, 'retries'],
  ['a prefix with a hash tag of its own', { prefix: 'a{b}' }, 'prefix'],
  ['a port that is none', { port: 70_000 }, 'port'],
  ['a negative database', { db: -1 }, 'db'],
  ['a timeout that is no duration', { timeout: 'soon' }, 'timeout'],
  ['no time at all', { timeout: 0 }, 'timeout'],
  ['a client that is none', { client: {} }, 'client'],
  ['another scheme', { url: 'http://localhost' }, 'Redis URL'],
  ['a database that is no number', { url: `redis://:${secret}@localhost/main` }, 'database'],
  ['an unknown parameter', { url: `redis://:${secret}@localhost?retries=3` }, 'retries'],
  ['a parameter given twice', { url: `redis://:${secret}@localhost?db=1&db=2` }, 'db'],
  ['a broken password', { url: `redis://:%zz${secret}@localhost` }, 'percent-encoding'],
  ['a database of a cluster', { url: `redis+cluster://:${secret}@one,two/1` }, 'databases'],
  ['the same as a parameter', { url: `redis+cluster://:${secret}@one,two?db=1` }, 'db'],
  ['a cluster and a host', { url: `redis+cluster://:${secret}@one,two`, host: 'three' }, 'not both'],
  ['a cluster and a database', { nodes: ['one'], db: 2 }, 'not both'],
  ['a node that is none', { nodes: [`one:${secret}`] }, 'host:port'],
  ['no node at all', { nodes: [] }, 'nodes'],
  ['a map of addresses without a cluster', { natMap: {} }, 'natMap'],
  ['replicas in a cluster', { nodes: ['one'], replicas: 1 }, 'replicas'],
  ['a map that is none', { nodes: ['one'], natMap: 7 }, 'natMap'],
  ['a port in a list that is none', { url: `redis+cluster://:${secret}@one:0,two` }, 'host:port'],
  ['a broken password of a cluster', { url: `redis+cluster://:%zz${secret}@one,two` }, 'percent-encoding'],
  ['what is no URL', { url: `redis://:${secret}@local host` }, 'Redis URL'],
])('%s is refused, by name and without secrets', async (_title, options, shown) => {
  const error = await Promise.resolve()
    .then(() => redis({ password: secret, ...options } as RedisOptions))
    .then(
      () => expect.unreachable('it was accepted'),
      (failure: Error & { code: string }) => failure,
    );
  expect(error.code).toBe('CONFIG');
  expect(error.message).toContain(shown);
  expect(inspect(error, { depth: 10, showHidden: true })).not.toContain(secret);
});

test('a client and a server are not both given, and a cluster without nodes is none', () => {
  const server = { evalsha: true, duplicate: true, isCluster: false };
  expect(() => redis({ client: server as never, host: 'localhost' })).toThrow('not both');
  expect(() => redis({ client: server as never, nodes: ['localhost'] })).toThrow('not both');
  expect(() => redis({ client: { ...server, isCluster: true, options: {} } as never })).toThrow('startup nodes');
});

test('a URL of a cluster takes the parameters of the others, and the scheme with TLS', async () => {
  for (const scheme of ['redis+cluster', 'rediss+cluster']) {
    await using locks = await createLocks(
      `${scheme}://user:p%40ss@one:7000,two,[::1]:7002/0?prefix=app&timeout=2s&skewMs=10`,
    );
    expect(locks.backend).toBe('redis');
  }
});

test('the parameters of a URL are options, and options go before them', async () => {
  await using locks = await createLocks({
    backend: 'redis://localhost/2?prefix=app&timeout=2s&skewMs=10',
    options: { prefix: 'other' },
  });
  expect(locks.backend).toBe('redis');
});
