import { ConfigError, parseHost, parseHostsUrl } from '@holdfast/core/adapter';
import { describe, expect, test } from 'vitest';

const EXAMPLE = 'x://host1:1,host2:2/path';
const parse = (url: string): ReturnType<typeof parseHostsUrl> => parseHostsUrl('x', url, EXAMPLE);

describe('a URL with several hosts', () => {
  test('is taken apart and decoded', () => {
    expect(parse('X+y://us%3Aer:p%40s%3As:w@h1:1,[::1]:2,h3/a%20b/c?ttl=5&flag=true&name=x%26y')).toEqual({
      protocol: 'x+y:',
      username: 'us:er',
      password: 'p@s:s:w',
      hosts: ['h1:1', '[::1]:2', 'h3'],
      path: '/a b/c',
      parameters: { ttl: 5, flag: true, name: 'x&y' },
    });
  });

  test('needs no more than a host', () => {
    expect(parse('x://h')).toEqual({ protocol: 'x:', hosts: ['h'], path: '', parameters: {} });
  });

  test('may give a user or a password alone', () => {
    expect(parse('x://token@h')).toMatchObject({ username: 'token' });
    expect(parse('x://token@h')).not.toHaveProperty('password');
    expect(parse('x://:secret@h')).toMatchObject({ username: '', password: 'secret' });
  });

  test.each([
    'x:h',
    'x://',
    'x:///path',
    'h:1',
    '',
    'x://u:se/cret@h',
    'x://u:se@cret@h',
    'x://u:se?cret@h',
    'x://u:se#cret@h',
    'x://u:%zz-secret@h',
  ])('%s is refused without being shown', (url) => {
    expect(() => parse(url)).toThrow(ConfigError);
    expect(() => parse(url)).not.toThrow(/secret|cret@/);
  });
});

describe('a host', () => {
  test.each([
    ['db', { host: 'db', port: 7 }],
    ['db-1.example.com:80', { host: 'db-1.example.com', port: 80 }],
    ['127.0.0.1:65535', { host: '127.0.0.1', port: 65_535 }],
    ['[::1]', { host: '::1', port: 7 }],
    ['[fe80::1]:9', { host: 'fe80::1', port: 9 }],
  ])('%s', (text, expected) => {
    expect(parseHost('x', text, 7)).toEqual(expected);
  });

  test.each(['', 'h:', 'h:0', 'h:65536', 'h:x', '::1', 'a b', 'h:1:2', 'h/p'])('%s is refused', (text) => {
    expect(() => parseHost('x', text, 7)).toThrow('Expected each host of the x backend to be host or host:port');
  });
});
