import { expect, test } from 'vitest';
import { adapter, mysql } from '../src/index.ts';
import { optionsFromUrl } from '../src/url.ts';

test('a URL gives host, port, user, database and parameters, decoded', () => {
  expect(optionsFromUrl('mysql://me:p%40ss@db.example:3307/app?connections=9&mode=lease')).toEqual({
    host: 'db.example',
    port: 3307,
    username: 'me',
    password: 'p@ss',
    database: 'app',
    connections: 9,
    mode: 'lease',
  });
  expect(optionsFromUrl('mariadb://[::1]/app?ssl-mode=VERIFY_CA')).toMatchObject({
    host: '::1',
    port: 3306,
    tls: { verify: 'authority' },
  });
});

test.each([
  ['mysql://host', /database/],
  ['mysql://host/', /database/],
  ['mysql://a,b/app', /one host/],
  ['mysql://user:secret@word@host/app', /such as/],
  ['mysql://host/app?user=x', /Unrecognized key/i],
  ['mysql://host/app?password=secret', /`password`/],
  ['mysql://host/app?connections=1', /at least 2/],
  ['mysql://host/app?mode=other', /`mode`/],
  ['mysql://host/app?ssl-mode=MAYBE', /ssl-mode/],
  ['mysql://host/app?prefix=a-b', /`prefix`/],
  ['mysql://host/app?patience=0', /patience/],
  ['mysql://host/app?skewMs=5', /`skewMs`/],
])('%s is refused', (url, words) => {
  const make = (): unknown => adapter.create({ url });
  expect(make).toThrow(words);
  expect(make).toThrow(expect.objectContaining({ code: 'CONFIG' }) as Error);
  expect(make).not.toThrow(/secret/);
});

test('options and URL must not say the same twice; a pool needs no server', () => {
  expect(() => adapter.create({ url: 'mysql://host/app', options: { host: 'b' } })).toThrow(/given twice/);
  expect(() => mysql({ pool: {} as never })).toThrow(/pool of the mysql2 package/);
});
