import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const readme = await readFile(join(root, 'README.md'), 'utf8');
const examples = [...readme.matchAll(/^```js\n(.*?)^```/gms)].map(([, code]) => code ?? '');
const expected = [/^only one task .* token \d+\n$/, /^(one thread at a time\n){5}$/, /^$/];

test.each(expected.map((output, i) => [i + 1, examples[i] ?? '', output] as const))(
  'example %i of the README runs, and ends by itself',
  async (_i, code, output) => {
    // Inside the package, so that it finds the package by its name.
    await mkdir(join(root, '.holdfast'), { recursive: true });
    const directory = await mkdtemp(join(root, '.holdfast', 'readme-'));
    try {
      const file = join(directory, 'example.mjs');
      await writeFile(file, code);
      const { stdout } = await promisify(execFile)(process.execPath, [file], { timeout: 20_000 });
      expect(code).not.toBe('');
      expect(stdout).toMatch(output);
    } finally {
      await rm(directory, { recursive: true });
    }
  },
);

test('every example of the README is among them', () => {
  expect(examples).toHaveLength(expected.length);
});
