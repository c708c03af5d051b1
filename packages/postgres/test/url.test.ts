import { adapter, postgres } from '@holdfast/postgres';
import type { PostgresOptions } from '@holdfast/postgres';
import { describe, expect, test } from 'vitest';

const create = (url: string, options?: Record<string, unknown>): unknown =>
  adapter.create({ url, ...(options === undefined ? {} : { options }) });

describe('a postgres URL', () => {
  test.each([
    'postgres://localhost',
    'postgresql://user:p%40ss@db.example:6432/app?connections=20&schema=locks&patience=2s',
    'postgres://[::1]:5432/app?sslmode=verify-full',
    'postgres://localhost/app?sslmode=require&pooler=session',
  ])('%s is taken', (url) => {
    expect(() => create(url)).not.toThrow();
  });

  test.each([
    ['postgres://localhost/app?sslmode=prefer', /`sslmode`/],
    ['postgres://localhost/app?connections=0', /`connections`/],
    ['postgres://localhost/app?connections=many', /`connections`/],
    ['postgres://localhost/app?statement_timeout=5', /statement_timeout/],
    ['postgres://localhost/app?password=hunter2', /`password`/],
    ['postgres://one,two/app', /one host/],
    ['postgres://localhost/app?pooler=transaction', /`pooler`/],
    ['postgres://localhost:99999/app', /host/],
  ])('%s is refused', (url, expected) => {
    expect(() => create(url)).toThrow(expected);
    expect(() => create(url)).toThrow(expect.objectContaining({ code: 'CONFIG' }));
  });

  test('tells no password in its errors', () => {
    expect(() => create('postgres://user:hunter2@x@localhost/app')).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('hunter2') as string }),
    );
  });

  test('and options may not say the same twice', () => {
    expect(() => create('postgres://localhost/app', { database: 'other' })).toThrow(/twice/);
    expect(() => create('postgres://localhost/app', { tls: true })).not.toThrow();
  });
});

describe('options', () => {
  test.each<[PostgresOptions, RegExp]>([
    [{ port: 0 }, /`port`/],
    [{ connections: 1.5 }, /`connections`/],
    [{ patience: -1 }, /`patience`/],
    [{ schema: '' }, /`schema`/],
    [{ tls: { rejectUnauthorized: 'no' } as never }, /`tls`/],
    [{ pool: {} as never }, /`pool`/],
    [{ hosts: 'a' } as never, /hosts/],
  ])('%o is refused', (options, expected) => {
    expect(() => postgres(options)).toThrow(expected);
  });
});
