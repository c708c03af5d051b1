/** The page names cases and exports, and quotes the example: all of that must be there. */
import { readFileSync } from 'node:fs';
import * as adapter from '@holdfast/core/adapter';
import { cases } from '@holdfast/core/conformance';
import { expect, test } from 'vitest';

const root = new URL('../../', import.meta.url);
const page = readFileSync(new URL('docs/writing-an-adapter.md', root), 'utf8');
const ids = cases.map(({ id }) => id);
const groups = new Set(ids.map((id) => id.split('/')[0]));

test('every case that it names exists', () => {
  const named = Array.from(page.matchAll(/`([a-z-]+)\/([a-z-]+|…)`/g)).filter(([, group = '']) => groups.has(group));
  expect(named.length).toBeGreaterThan(30);
  const unknown = named.filter(([, group, name]) => name !== '…' && !ids.includes(`${group}/${name}`));
  expect(unknown.map(([id]) => id)).toEqual([]);
});

test('every export of core that its tables name exists', () => {
  const table = page.slice(page.indexOf('| from `@holdfast/core/adapter`'), page.indexOf('## Binding the suite'));
  const names = Array.from(table.matchAll(/`(\w+)`/g), ([, name = '']) => name);
  expect(names.length).toBeGreaterThan(15);
  expect(names.filter((name) => !(name in adapter))).toEqual([]);
});

test('what it quotes is in the file that it names', () => {
  const quotes = Array.from(page.matchAll(/<!-- from: (\S+) -->\n```ts\n(.*?)```/gs), ([, file = '', code = '']) => ({
    file,
    code,
  }));
  expect(quotes.length).toBe(page.match(/<!-- from:/g)?.length);
  for (const { file, code } of quotes) expect(readFileSync(new URL(file, root), 'utf8')).toContain(code);
});
