import { ConfigError } from '@holdfast/core';
import { describe, expect, test } from 'vitest';
import { adapter, kafka } from '@holdfast/kafka';
import { optionsFromUrl } from '../src/url.ts';

test('a URL gives hosts, login, topic and options', () => {
  expect(
    optionsFromUrl('kafka://me:s%40crt@one:9093,two,[::1]:9094/my.locks?mechanism=scram-sha-256&tls=true&partitions=4'),
  ).toEqual({
    hosts: ['one:9093', 'two:9092', '[::1]:9094'],
    username: 'me',
    password: 's@crt',
    topic: 'my.locks',
    mechanism: 'scram-sha-256',
    tls: true,
    partitions: 4,
  });
});

describe('refused, without a word of the password', () => {
  test.each([
    'kafka://me:hunter2@host?speed=9',
    'kafka://me:hunter2@host?topic=here',
    'kafka://me:hunter2@host/two/topics',
    'kafka://me:hunter2@host?partitions=0',
    'kafka://me:hunter2@host?mechanism=hunter2',
    'kafka://me:hunter2@host?timeout=soon',
    'kafka://me:hunter2@host?skewMs=5000',
    'kafka://me:hunter2@one,two?viaBootstrap=true',
    'kafka://me:hunter2@host:port',
    'kafka://me:hunter2@host:hunter2@host',
  ])('%s', (url) => {
    let error: unknown;
    try {
      void adapter.create({ url });
    } catch (reason) {
      error = reason;
    }
    expect(error).toBeInstanceOf(ConfigError);
    expect(String(error)).not.toContain('hunter2');
  });
});

test('options that contradict each other are refused', () => {
  expect(() => kafka({ username: 'me' })).toThrow('give `username` and `password`, or neither');
  expect(() => kafka({ mechanism: 'plain' })).toThrow('`mechanism` needs');
  expect(() => void adapter.create({ url: 'kafka://host/here', options: { topic: 'there' } })).toThrow(
    '`topic` is given twice',
  );
});
