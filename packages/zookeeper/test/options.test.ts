import { createLocks } from '@holdfast/core';
import { zookeeper } from '@holdfast/zookeeper';
import { expect, test } from 'vitest';
import { optionsOf } from '../src/options.ts';

test('a URL names hosts, credentials, chroot and options', () => {
  expect(
    optionsOf({
      url: 'zookeeper://al:p%40ss%3A@h1,h2:2182,[::1]:2183/app/x?tickTime=500&timeout=3s&prefix=locks&acl=open',
    }),
  ).toMatchObject({
    ensemble: {
      hosts: [
        { host: 'h1', port: 2181 },
        { host: 'h2', port: 2182 },
        { host: '::1', port: 2183 },
      ],
      digest: 'al:p@ss:',
      tickMs: 500,
      timeoutMs: 3000,
    },
    root: '/app/x/locks',
    acl: [{ scheme: 'world' }],
  });
  expect(optionsOf({})).toMatchObject({
    ensemble: { hosts: [{ host: 'localhost', port: 2181 }], tickMs: 2000 },
    root: '/holdfast',
  });
});

test('the manifest follows the tick', () => {
  expect(zookeeper({ tickTime: 500 }).capabilities.ttl).toEqual({ minMs: 1000, granularityMs: 750 });
  expect(zookeeper().capabilities.ttl).toEqual({ minMs: 4000, granularityMs: 3000 });
});

test.each([
  'zookeeper://',
  'zookeeper://secret@host',
  'zookeeper://u:secret@host:99999',
  'zookeeper://u:secret@h1,,h2',
  'zookeeper://u:secret@host?tickTime=0',
  'zookeeper://u:secret@host?colour=red',
  'zookeeper://u:secret@host/a/../b',
  'zookeeper://u:secret%@host',
  'zookeeper://u:secret@host?acl=none',
  'zookeeper://u:secret@host#x',
])('%s is refused, without showing what may be a password', async (url) => {
  const error = await createLocks(url).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: 'CONFIG' });
  expect(String(error)).not.toContain('secret');
});

test.each([
  [{ hosts: [] }, 'hosts'],
  [{ username: 'u' }, 'username'],
  [{ acl: 'creator' }, 'acl'],
  [{ chroot: 'no-slash' }, 'chroot'],
  [{ url: 'zookeeper://h', hosts: ['h'] }, 'not both'],
  [{ prefix: 'a/b' }, 'prefix'],
  [{ hostz: ['h'] }, 'hostz'],
])('options %o are refused', (options, field) => {
  expect(() => zookeeper(options as Parameters<typeof zookeeper>[0])).toThrow(field);
});
