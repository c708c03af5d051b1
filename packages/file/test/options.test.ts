import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { adapter, file } from '@holdfast/file';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { optionsFromUrl, resolveOptions } from '../src/options.ts';

afterEach(() => vi.unstubAllEnvs());

const directoryOf = (url: string): string => resolveOptions(optionsFromUrl(url)).directory;

describe('the directory', () => {
  test.each([
    ['file:///var/lib/locks', '/var/lib/locks'],
    ['file:/var/lib/locks', '/var/lib/locks'],
    ['FILE:///var/lib/locks/', '/var/lib/locks'],
    ['file://localhost/var/lib/locks', '/var/lib/locks'],
    ['file:///with%20blank/100%25/%23/ü', '/with blank/100%/#/ü'],
    ['file:./locks', resolve('locks')],
    ['file:locks', resolve('locks')],
    ['file:../a%20b', resolve('../a b')],
  ])('of %s is %s', (url, directory) => {
    expect(directoryOf(url)).toBe(directory);
  });

  test('is by default where the user keeps state', () => {
    vi.stubEnv('XDG_STATE_HOME', '/state');
    expect(directoryOf('file:')).toBe('/state/holdfast');
    vi.stubEnv('XDG_STATE_HOME', 'relative');
    expect(directoryOf('file:')).toBe(join(homedir(), '.local/state/holdfast'));
    vi.stubEnv('XDG_STATE_HOME', undefined);
    expect(directoryOf('file:?assumeLocal=true')).toBe(join(homedir(), '.local/state/holdfast'));
  });
});

test('options may stand in the URL', () => {
  expect(resolveOptions(optionsFromUrl('file:///x?assumeLocal=true'))).toEqual({ directory: '/x', assumeLocal: true });
  expect(resolveOptions(optionsFromUrl('file:?directory=/x'))).toEqual({ directory: '/x', assumeLocal: false });
});

test.each([
  ['file://host/x', 'without a host'],
  ['file:///x#y', '%23'],
  ['file:///', 'root of the file system'],
  ['file:///x%00y', 'NUL'],
  ['file:%E0%A4%A', 'Expected a file URL'],
  ['file:///a%2Fb', 'Expected a file URL'],
  ['file:///x?directory=/y', 'twice'],
  ['file:///x?assumeLocal=true&assumeLocal=true', 'twice'],
  ['file:///x?assumeLocal=yes', 'assumeLocal'],
  ['file:///x?ttl=5', 'ttl'],
])('refuses %s', (url, message) => {
  expect(() => adapter.create({ url })).toThrow(
    expect.objectContaining({ code: 'CONFIG', message: expect.stringContaining(message) }),
  );
});

test.each([[{ directory: '' }], [{ directory: 5 }], [{ assumeLocal: 'yes' }], [{ dir: '/x' }], [null], ['/x']])(
  'refuses %j',
  (options) => {
    expect(() => file(options as never)).toThrow(expect.objectContaining({ code: 'CONFIG' }));
  },
);

test('refuses an option that is given both in the URL and beside it', () => {
  expect(() => adapter.create({ url: 'file:///x', options: { directory: '/y' } })).toThrow(/twice/);
});
