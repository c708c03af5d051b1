import { HoldfastError } from '@holdfast/core';
import { adapter, etcd } from '@holdfast/etcd';
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
  'etcd://localhost',
  'etcd://localhost:2379/',
  'etcd://a:1,b:2,c:3?prefix=app/&timeout=500&patience=2s',
  'etcds://[::1]:2379',
  'ETCD://user:p%40ss@h1,h2:2379',
])('%s is accepted', async (url) => {
  await (await adapter.create({ url })).close();
});

test.each([
  ['etcd://', /Expected the etcd URL to be such as/],
  ['etcd:localhost', /Expected the etcd URL to be such as/],
  ['etcd://host/path', /An etcd URL has no path/],
  ['etcd://a,,b', /Expected each host of the etcd backend/],
  ['etcd://a:0', /Expected each host of the etcd backend/],
  ['etcd://a:70000', /Expected each host of the etcd backend/],
  ['etcd://a:x', /Expected each host of the etcd backend/],
  ['etcd://a?prefix=x&prefix=y', /`prefix` twice/],
  ['etcd://a?colour=red', /colour/],
  ['etcd://a?timeout=0', /`timeout`/],
  ['etcd://a?hosts=b', /`hosts` is given twice/],
  ['etcd://user@a', /give `username` and `password`, or neither/],
  ['etcd://:secret@a', /`username`/],
])('%s is refused', (url, message) => {
  expect(problem(url)).toMatch(message);
});

test.each(['etcd://user:secr%zzet@host', 'etcd://user:sec/ret@host', 'etcd://user:sec?ret@host'])(
  'a bad URL is refused without a word of its password: %s',
  (url) => {
    expect(problem(url)).not.toMatch(/sec|ret/);
  },
);

test('what is given in the URL can not be given in the options as well', () => {
  expect(problem('etcd://a?prefix=x', { prefix: 'y' })).toMatch(/`prefix` is given twice/);
});

test('options that contradict each other are refused', () => {
  expect(() => etcd({ username: 'u' })).toThrow(/username/);
  expect(() => etcd({ prefix: 'é' })).toThrow(/prefix/);
  expect(() => etcd({ hosts: [] })).toThrow(/hosts/);
});
