import { HoldfastError } from '@holdfast/core';
import { adapter, consul } from '@holdfast/consul';
import { expect, test } from 'vitest';

function problem(url: string, options?: Record<string, unknown>): string {
  try {
    void adapter.create({ url, ...(options === undefined ? {} : { options }) });
  } catch (error) {
    expect(error).toBeInstanceOf(HoldfastError);
    return (error as Error).message + String((error as Error).cause ?? '');
  }
  throw new Error('accepted');
}

test.each([
  'consul://localhost',
  'consul://localhost:8500/',
  'consul://a:1,b:2,c?prefix=app/locks/&timeout=500&patience=2s',
  'consuls://[::1]:8501',
  'CONSUL://t%40ken@h1,h2:8500?datacenter=1&namespace=team&partition=p',
])('%s is accepted', async (url) => {
  await (await adapter.create({ url })).close();
});

test.each([
  ['consul://', /Expected the consul URL/],
  ['consul:localhost', /Expected the consul URL/],
  ['consul://host/path', /no path/],
  ['consul://a,,b', /each host/],
  ['consul://a:0', /each host/],
  ['consul://a:70000', /each host/],
  ['consul://a:x', /each host/],
  ['consul://a?prefix=x/&prefix=y/', /`prefix` twice/],
  ['consul://a?prefix=../', /prefix/],
  ['consul://a?prefix=/a/', /prefix/],
  ['consul://a?prefix=a//', /prefix/],
  ['consul://a?colour=red', /colour/],
  ['consul://a?timeout=0', /`timeout`/],
  ['consul://a?sessionTtlMin=soon', /`sessionTtlMin`/],
  ['consul://a?hosts=b', /`hosts` is no parameter/],
  ['consul://a?datacenter=a%26b', /datacenter/],
])('%s is refused', (url, message) => {
  expect(problem(url)).toMatch(message);
});

test.each([
  'consul://secr%zzet@host',
  'consul://sec/ret@host',
  'consul://sec:ret@host',
  'consul://sec?ret@host',
  'consul://sec%20ret@host',
  'consul://host?token=secret',
])('a bad URL is refused without a word of its token: %s', (url) => {
  expect(problem(url)).not.toMatch(/sec|ret/);
});

test('what is given in the URL can not be given in the options as well', () => {
  expect(problem('consul://a?prefix=x/', { prefix: 'y/' })).toMatch(/`prefix` is given twice/);
});

test('the shortest ttl is twice what the servers take for a session', () => {
  expect(consul().capabilities.ttl.minMs).toBe(20_000);
  expect(consul({ sessionTtlMin: '1s' }).capabilities.ttl.minMs).toBe(2000);
});
