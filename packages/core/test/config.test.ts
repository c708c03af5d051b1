import { inspect } from 'node:util';
import { describe, expect, expectTypeOf, test } from 'vitest';
import { ConfigError, createLocks, defineConfig, InvalidArgumentError, redactUrl } from '@holdfast/core';
import { parseDuration } from '@holdfast/core/adapter';

describe('createLocks refuses', () => {
  test.each([
    ['an unknown scheme', 'gopher://localhost', /Unknown scheme gopher:; known are .*redis:/],
    ['an unknown name', 'nosuch', /Unknown backend "nosuch"/],
    ['something that is no URL', 'local host!', /Expected `backend` to be a URL such as/],
  ])('%s', async (_, url, message) => {
    const error: unknown = await createLocks(url).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as Error).message).toMatch(message);
  });

  test('an unknown option, naming it', async () => {
    await expect(createLocks({ backend: 'memory:', tll: 5 } as never)).rejects.toThrow(/"tll"/);
  });

  test.each([
    [{ backends: {} }, /`backends`: expected at least one/],
    [{ backends: { default: 'nosuch!' } }, /`backends.default.backend`: expected a URL/],
    [{ backends: { default: 'memory:' }, use: 'jobs' }, /`use` to be the name of one of `backends`: default/],
    [{ backends: { jobs: 'memory:' } }, /`use` to be the name of one of `backends`: jobs/],
    [{ backends: { default: 'memory:' }, use: 5 }, /`use`: /],
    [{ backends: { default: { backend: 'memory:', ttl: 'soon' } } }, /`backends.default.ttl`: expected a positive/],
    [{ backends: { default: 'memory:' }, backend: 'memory:' }, /`backends` excludes `backend`/],
    [{ use: 'redis://:hunter2@h' }, /`use`: expected the name of a backend/],
    [{ use: 'jobs', backend: 'memory:' }, /unknown key "backend"; known are use/],
  ])('%j', async (config, message) => {
    const error: unknown = await createLocks(config as never).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as Error).message).toMatch(message);
    expect((error as Error).message).not.toContain('hunter2');
  });

  test('a config without a backend', async () => {
    await expect(createLocks({} as never)).rejects.toThrow(/`backend`: expected a URL/);
    await expect(createLocks(undefined as never)).rejects.toBeInstanceOf(ConfigError);
  });
});

test('defineConfig types what a config file may hold, and leaves it as it is', () => {
  const config = { ttl: '30s', backends: { default: 'memory:', jobs: { backend: 'redis', options: { host: 'h' } } } };
  expect(defineConfig(config)).toBe(config);
  // What it returns is what `createLocks` takes.
  expectTypeOf(defineConfig({ backend: 'memory:' })).toExtend<Parameters<typeof createLocks>[0]>();
  expectTypeOf(defineConfig({ backends: {} })).toExtend<Parameters<typeof createLocks>[0]>();
  // @ts-expect-error: it is `backend`
  defineConfig({ backnd: 'memory:' });
  // @ts-expect-error: a backend is a URL or an object
  defineConfig({ backends: { default: 5 } });
});

test.each([
  ['redis://user:p%40ss@host:6379/0', 'redis://***@host:6379/0'],
  ['redis://:secret@host', 'redis://***@host'],
  ['redis://:sec@ret@host', 'redis://***@host'],
  ['redis://:se/cr@et@host', 'redis://***'],
  ['redis://host?password=secret&prefix=a', 'redis://host?password=***&prefix=a'],
  ['redis://host:6379', 'redis://host:6379'],
  ['file:///var/lib/locks', 'file:///var/lib/locks'],
])('%s is shown as %s', (url, shown) => {
  expect(redactUrl(url)).toBe(shown);
  expect(redactUrl(url)).not.toMatch(/sec|cr@|ret|p%40ss/);
});

describe('a duration', () => {
  test.each([
    [1, 1],
    [1500, 1500],
    ['30s', 30_000],
    ['1.5m', 90_000],
    ['250 ms', 250],
    [2 ** 31 - 1, 2 ** 31 - 1],
  ])('%j is %i ms', (given, ms) => {
    expect(parseDuration('ttl', given)).toBe(ms);
  });

  test.each(
    [
      0,
      -1,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      2 ** 31,
      'soon',
      '',
      '-5s',
      '25 days',
      'x'.repeat(200),
      null,
      {},
      true,
      5n,
    ].map((given) => [inspect(given), given]),
  )('%s is refused with the field and the value', (_, given) => {
    expect(() => parseDuration('ttl', given)).toThrow(InvalidArgumentError);
    expect(() => parseDuration('ttl', given)).toThrow(
      /^Expected `ttl` to be a positive duration of at most 2147483647 ms .*, got /,
    );
  });

  test("below the backend's smallest ttl is refused with that minimum", () => {
    expect(() => parseDuration('ttl', 5, 100)).toThrow(
      'Expected `ttl` to be at least 100 ms on this backend, got 5 (number)',
    );
  });
});
