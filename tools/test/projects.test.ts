import { existsSync, readdirSync } from 'node:fs';
import { serverNames } from '@holdfast/testbed';
import { expect, test } from 'vitest';
import projects from '../projects.json' with { type: 'json' };

const packages = [
  'examples',
  ...readdirSync(new URL('../../packages', import.meta.url)).map((name) => `packages/${name}`),
];
const tested = packages.filter((path) => existsSync(new URL(`../../${path}/test`, import.meta.url)));

test('every package with tests is a project, so that npm test runs it', () => {
  const roots = new Set(projects.map(({ root }) => root));
  expect(tested.filter((path) => !roots.has(path))).toEqual([]);
});

test('every test folder has a tsconfig.json: without it, neither editor nor linter knows how strict the tests are', () => {
  expect(tested.filter((path) => !existsSync(new URL(`../../${path}/test/tsconfig.json`, import.meta.url)))).toEqual(
    [],
  );
});

test('every server that a project needs is one that the testbed can start', () => {
  const needed = projects.flatMap(({ servers = [] }) => servers);
  expect(needed.filter((name) => !serverNames.some((known) => known === name))).toEqual([]);
});
